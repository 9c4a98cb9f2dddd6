"""The virtual machine: QEMU, its guest, and how to read the guest's state."""
