"""The host side of Stampede: boots the kernel, reads its serial log, gives the verdict."""
