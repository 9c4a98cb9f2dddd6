"""What gdb knows of Stampede: its structures by the names of their members, live or in a dump.

guest.py reads memory, kernel.py finds the structures in it, words.py puts them into words; books.py
(the oracle) and lists.py (the allocator) are what the commands and rules.py ask. Each command
is a module; commands.py lists them. Addresses are physical and virtual at once: the kernel maps
one to one.
"""
