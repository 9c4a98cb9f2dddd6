"""gdb commands for Stampede's kernel, on a live machine or a dump.

guest.py reads memory and finds members of structures by name. kernel.py finds the kernel's
structures, words.py formats them. books.py reads the books of the oracle, lists.py the lists of the
allocator; the commands and rules.py use both. Each command is a module, listed in commands.py.
Physical and virtual addresses are equal, because the kernel uses an identity mapping.
"""
