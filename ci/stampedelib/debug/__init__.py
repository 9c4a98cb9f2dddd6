"""Sessions of gdb."""
