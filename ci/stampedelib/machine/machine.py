"""The machine that a run asks for, and the command line of QEMU for it."""
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..usage import UsageError

QEMU = "qemu-system-x86_64"
OVMF = (
    "/usr/share/ovmf/OVMF.fd",  # Debian, Ubuntu
    "/usr/share/edk2/ovmf/OVMF.amdsev.fd",  # Fedora: the only build with both code and variables
    "/usr/share/edk2-ovmf/x64/OVMF.fd",  # Arch, older
    "/usr/share/edk2/x64/OVMF.4m.fd",  # Arch
    "/usr/share/qemu/ovmf-x86_64.bin",  # openSUSE
)
# An instruction takes 2^3 ns. When all CPUs sleep, time skips to the next deadline. No clock is the
# host's.
COUNT_INSTRUCTIONS = ["-icount", "shift=3,sleep=off", "-rtc", "base=2000-01-01,clock=vm"]
DEBUG_EXIT = "isa-debug-exit,iobase=0xf4,iosize=0x04"


@dataclass(frozen=True)
class Accelerator:
    """kvm or tcg, TCG's thread mode, the reason for this choice, whether time is instructions."""
    name: str
    thread: str | None
    why: str
    counts_instructions: bool = False

    def text(self) -> str:
        """The accelerator in words."""
        mode = f" thread={self.thread}" if self.thread else ""
        return f"{self.name.upper()}{mode} ({self.why})"


@dataclass(frozen=True)
class Machine:
    """Everything that determines QEMU's command line, except for its channels."""
    qemu: str
    accelerator: Accelerator
    cpus: int
    memory_mib: int
    boot: str
    image: Path
    firmware: Path | None
    arguments: list[str]

    def text(self) -> str:
        """The machine in words, on one line."""
        firmware = "UEFI" if self.firmware else "BIOS"
        how = f"{firmware}, ISO" if self.boot == "iso" else "direct boot"
        plural = "s" if self.cpus > 1 else ""
        return f"{self.cpus} CPU{plural}, {self.memory_mib} MiB, {how}, {self.accelerator.text()}"

    def command(self, channels: list[str]) -> list[str]:
        """QEMU's command line. `channels` are the options for the serial port and the monitor."""
        return [
            self.qemu, "-name", "stampede", "-M", "q35,memory-backend=ram",
            # No reservation: a guest with more memory than the host touches only little of it.
            "-object", f"memory-backend-ram,id=ram,size={self.memory_mib}M,reserve=off",
            "-m", f"{self.memory_mib}M", "-smp", str(self.cpus),
            *self._accelerator_options(), *self._boot_options(),
            "-nodefaults", "-display", "none", "-no-reboot", "-device", DEBUG_EXIT, *channels,
        ]

    def _accelerator_options(self) -> list[str]:
        if self.accelerator.name == "kvm":
            # QEMU 7.2 aborts on hosts where it cannot set this MSR, mostly nested ones.
            return ["-accel", "kvm", "-cpu", "host,-arch-capabilities"]
        return ["-accel", f"tcg,thread={self.accelerator.thread}", "-cpu", "max",
                *(COUNT_INSTRUCTIONS if self.accelerator.counts_instructions else [])]

    def _boot_options(self) -> list[str]:
        arguments = " ".join(self.arguments)
        if self.boot == "direct":
            return ["-kernel", str(self.image), "-append", arguments]
        # boot/grub.cfg reads this string, so that all runs can use the same image.
        smbios = "type=11,value=stampede:" + arguments.replace(",", ",,")
        firmware = ["-bios", str(self.firmware)] if self.firmware else []
        return ["-cdrom", str(self.image), "-smbios", smbios, *firmware]


def find_qemu(asked: str | None) -> str:
    """QEMU's path: `asked`, else $STAMPEDE_QEMU, else qemu-system-x86_64 in PATH.

    Raises UsageError.
    """
    name = asked or os.environ.get("STAMPEDE_QEMU") or QEMU
    path = shutil.which(name)
    if not path:
        raise UsageError(f"{name}: no such program; install it with ci/install-deps run")
    return path


def find_ovmf() -> Path:
    """The UEFI firmware image, at one of the places that distributions use. Raises UsageError."""
    for name in OVMF:
        if Path(name).is_file():
            return Path(name)
    tried = ", ".join(OVMF)
    raise UsageError(f"no UEFI firmware: none of {tried}; install it with ci/install-deps run")


def kvm_trouble(device: str = "/dev/kvm", cpuinfo: str = "/proc/cpuinfo") -> str | None:
    """Why KVM must not be used on this host, or None if it can be used.

    If the CPU shows neither vmx nor svm, a /dev/kvm is itself emulated. It is then much slower than
    TCG and lacks instructions.
    """
    try:
        os.close(os.open(device, os.O_RDWR))
    except OSError as error:
        return f"{device}: {error.strerror}"
    flags = Path(cpuinfo).read_text(encoding="utf-8")
    if not re.search(r"^flags\s*:.*\b(vmx|svm)\b", flags, re.MULTILINE):
        return "the CPU shows neither vmx nor svm"
    return None


def choose_accelerator(asked: str, thread: str, trouble: str | None) -> Accelerator:
    """The accelerator.

    `thread` is only for TCG; `trouble` comes from kvm_trouble(). Raises UsageError.
    """
    if asked == "kvm" and trouble:
        raise UsageError(f"--accel kvm: KVM does not work here ({trouble}); use tcg or auto")
    if asked == "kvm":
        return Accelerator("kvm", None, "as asked")
    if asked == "auto" and not trouble:
        return Accelerator("kvm", None, "it works here")
    return Accelerator("tcg", thread, "as asked" if asked == "tcg" else f"no KVM: {trouble}")
