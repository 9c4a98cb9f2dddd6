"""The configurations of a soak. The soak's seed and the number of a run determine each."""
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

from .. import vocabulary
from ..machine.options import DETERMINISTIC, FREE, MachineOptions
from ..run.options import StressOptions

ALLOCATORS = ("buddy", "buddy-scan", "buddy-percpu")
MODES = ("multi", "single", "deterministic")
MOST_CPUS = (2, 4, 8, 8, 16, 16, 32, 64, 64)
MEMORY_MIB = (64, 96, 128, 200, 256, 333, 512, 1024, 1500, 2048, 3072, 4096)
DETERMINISTIC_MEMORY_MIB = (64, 128, 200, 256, 512, 1024)  # virtual time is slower than real time
UEFI_LEAST_MIB = 256
BOOTS = ("direct",) * 15 + ("iso",) * 4 + ("uefi",)
PHASES = tuple(phase.title for phase in vocabulary.PHASES if "NEEDS_PLACEMENT" not in phase.needs)
ALWAYS = "mixed"  # this phase needs only promises that all built-in allocators make
SECONDS = (10, 25)
YIELDS = {"multi": (0, 0, 0, 64), "single": (64, 64, 16, 200), "deterministic": (8, 16, 32, 64)}
SAMPLES = (1, 4, 16, 16, 16, 64, 1024)
WATCHDOGS = (2, 2, 2, 1, 5)
ORDERS = ("", "", "", "1", "1,0,0,1", "1,1,1,1,1,1,1,1", "8,4,2,1,0,0,0,0,1")
# Operations of all cores together, so that a deterministic run takes about as long as the others.
DETERMINISTIC_OPERATIONS = (60000, 200000)
# How many times slower an operation is if every block, or every fourth, is written fully.
WHOLE_BLOCKS_COST = 16
# Operations of each core. The floor of interleaving does not depend on their number.
DETERMINISTIC_LEAST = 2000


@dataclass(frozen=True)
class Configuration:
    """The configuration of one run.

    allocator: "" for the image's first one. ops, seconds: one of them is the limit, the other is 0.
    load: whether busy processes run at the same time.
    """
    number: int
    seed: int
    allocator: str
    mode: str
    cpus: int
    memory_mib: int
    boot: str
    seconds: int
    ops: int
    phases: str
    sample: int
    watchdog: int
    yields: int
    orders: str
    load: bool

    def as_dict(self) -> dict[str, Any]:
        """The values for JSON."""
        return asdict(self)

    def text(self) -> str:
        """The configuration in words, in one line."""
        bound = f"{self.ops} operations" if self.ops else f"{self.seconds} s"
        plural = "s" if self.cpus > 1 else ""
        return (f"{self.allocator or 'own'}, {self.mode}, {self.cpus} CPU{plural}, {self.memory_mib} MiB, "
                f"{self.boot}, {bound}{', other load' if self.load else ''}")

    def machine(self) -> MachineOptions:
        """The options of the machine. The caller must add images and QEMU."""
        return MachineOptions(
            boot="direct" if self.boot == "direct" else "iso",
            schedule=DETERMINISTIC if self.mode == "deterministic" else FREE, cpus=self.cpus,
            memory_mib=self.memory_mib, accel="tcg", thread="multi" if self.mode == "multi" else "single",
            firmware="uefi" if self.boot == "uefi" else "bios")

    def stress(self) -> StressOptions:
        """The options for the kernel."""
        return StressOptions(seconds=None if self.ops else self.seconds, ops=self.ops or None, seed=self.seed,
                             allocator=self.allocator or None, words=tuple(self.kernel_options()))

    def words(self) -> list[str]:
        """All options, as arguments of `ci/stampede run`."""
        schedule = "deterministic" if self.mode == "deterministic" else "free"
        return ["--accel", "tcg", "--schedule", schedule,
                "--thread", "multi" if self.mode == "multi" else "single",
                "--cpus", str(self.cpus), "--memory", f"{self.memory_mib}M",
                "--boot", "direct" if self.boot == "direct" else "iso",
                "--firmware", "uefi" if self.boot == "uefi" else "bios",
                *(["--allocator", self.allocator] if self.allocator else []),
                "--seed", str(self.seed),
                *(["--ops", str(self.ops)] if self.ops else ["--seconds", str(self.seconds)]),
                "--args", " ".join(self.kernel_options())]

    def kernel_options(self) -> list[str]:
        """The kernel options for which `ci/stampede run` has no argument."""
        orders = [f"orders={self.orders}"] if self.orders else []
        return [f"phases={self.phases}", f"sample={self.sample}", f"watchdog={self.watchdog}",
                f"yield={self.yields}", *orders]


def draw(seed: int, number: int) -> Configuration:
    """The configuration of run `number` of the soak with `seed`. It depends on nothing else."""
    random = Random(f"{seed}:{number}")
    mode = random.choice(MODES)
    timed = mode != "deterministic"
    most = random.choice(MOST_CPUS)
    cpus = random.choice((most, random.randint(1, most)))
    drawn = random.choice(BOOTS)
    boot = drawn if timed else "direct"  # reading a disk depends on the host's time
    memory = random.choice(MEMORY_MIB if timed else DETERMINISTIC_MEMORY_MIB)
    operations = random.randint(*DETERMINISTIC_OPERATIONS) // cpus
    one = Configuration(
        number=number, seed=random.getrandbits(64) or 1, allocator=random.choice(ALLOCATORS), mode=mode,
        cpus=cpus, memory_mib=max(memory, UEFI_LEAST_MIB) if boot == "uefi" else memory, boot=boot,
        seconds=random.randint(*SECONDS) if timed else 0, ops=0,
        phases=_phases(random), sample=random.choice(SAMPLES), watchdog=random.choice(WATCHDOGS),
        yields=random.choice(YIELDS[mode]), orders=random.choice(ORDERS),
        load=random.random() < 0.5)
    return one if timed else replace(one, ops=max(
        DETERMINISTIC_LEAST, operations // (WHOLE_BLOCKS_COST if one.sample <= 4 else 1)))


def _phases(random: Random) -> str:
    """The value of phases=: all with probability 2/3, else some."""
    if random.randrange(3):
        return "all"
    some = random.sample(PHASES, random.randint(1, 5))
    return ",".join(name for name in PHASES if name in some or name == ALWAYS)
