"""The virtual machine: QEMU, its guest, and what can be read from it."""
