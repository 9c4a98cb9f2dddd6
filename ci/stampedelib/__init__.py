"""The host side of Stampede: boots the kernel, reads its serial log, decides."""
