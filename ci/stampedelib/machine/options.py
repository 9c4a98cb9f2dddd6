"""The options for the machine, from the command line or from code that starts a run."""
from dataclasses import dataclass
from pathlib import Path

from ..usage import BUILD_DIR

BUILD = BUILD_DIR / "gcc-order16"  # where make puts the images by default
FREE, DETERMINISTIC = "free", "deterministic"


@dataclass(frozen=True)
class MachineOptions:
    """boot, thread: None for the schedule's default. kernel: None for the ELF beside the ISO."""
    boot: str | None = None
    iso: Path = BUILD / "stampede.iso"
    kernel: Path | None = None
    schedule: str = FREE
    cpus: int = 8
    memory_mib: int = 512
    accel: str = "auto"
    thread: str | None = None
    firmware: str = "bios"
    qemu: str | None = None

    @property
    def is_deterministic(self) -> bool:
        """Whether the seed determines the interleaving."""
        return self.schedule == DETERMINISTIC

    @property
    def boot_way(self) -> str:
        """"iso" or "direct": as given, or the default of the schedule."""
        return self.boot or ("direct" if self.is_deterministic else "iso")

    @property
    def thread_mode(self) -> str:
        """TCG's thread mode: as given, or the default of the schedule."""
        return self.thread or ("single" if self.is_deterministic else "multi")

    @property
    def image(self) -> Path:
        """The file to boot."""
        return self.iso if self.boot_way == "iso" else self.elf

    @property
    def elf(self) -> Path:
        """The ELF file of the kernel, also if the ISO is booted."""
        return self.kernel or self.iso.with_name("stampede.elf")
