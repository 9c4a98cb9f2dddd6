"""Spin locks: who holds them, who waits, and whether they wait in a circle."""
import gdb

from .guest import Record
from .kernel import Core, Kernel
from .lists import find_lists
from .words import place_text, lasting_text

LOCK = "struct spinlock_irq"


class Lock:
    """A struct spinlock_irq, with its owner and the cores that wait."""

    def __init__(self, kernel: Kernel, address: int) -> None:
        self.kernel = kernel
        self.address = address
        self.record: Record = kernel.record(LOCK, address)
        self.name = self.record.string("name") or "without a name"
        self.owner = self.record["word"] - 1 if self.record["word"] else None

    @property
    def waiters(self) -> list[Core]:
        """The cores that spin on it."""
        return [core for core in self.kernel.cores if core.waiting_for == self.address]

    def owner_core(self) -> Core | None:
        """The core that holds it. None if it is free or its word is not a core's number plus 1."""
        cores = self.kernel.cores
        return cores[self.owner] if self.owner is not None and self.owner < len(cores) else None

    def lines(self) -> list[str]:
        """The lock's state, its waiters and its contradictions."""
        return [f"lock {self.name} at {self.address:#x}: {self._owner_text()}",
                *(self._waiter_text(core) for core in self.waiters), *self._doubts()]

    def _owner_text(self) -> str:
        taken_at, last = self.record["owner_at"], self.record["last_owner"]
        if self.owner is not None:
            lasting = lasting_text(self.kernel, self.record["taken_at"])
            return f"held by core {self.owner} {lasting}, taken at {place_text(taken_at, True)}"
        if last:
            return f"free; held last by core {last - 1}, taken at {place_text(taken_at, True)}"
        return "free; never taken"

    def _waiter_text(self, core: Core) -> str:
        lasting = lasting_text(self.kernel, core.record["waiting_since"])
        place = place_text(core.record["waiting_at"], True)
        return f"  core {core.number} has waited {lasting}, asked at {place}"

    def _doubts(self) -> list[str]:
        """Contradictions: a core is just taking or releasing the lock, or memory is damaged."""
        doubts = [f"  core {core.number} counts it among its own, the lock does not say so"
                  for core in self.kernel.cores
                  if self.address in core.held and core.number != self.owner]
        owner = self.owner_core()
        if self.owner is not None and owner is None:
            doubts.append(f"  there is no core {self.owner}: the lock's memory is damaged")
        elif owner and self.address not in owner.held and owner.locks_held <= len(owner.held):
            doubts.append(f"  core {owner.number} does not count it among its own")
        return doubts


def known_locks(kernel: Kernel) -> list[Lock]:
    """The allocator's lock, and the locks that a core holds or waits for."""
    addresses = [address for core in kernel.cores
                 for address in (*core.held, core.waiting_for) if address]
    pool = _pool_lock(kernel)
    if pool:
        addresses.insert(0, pool)
    return [Lock(kernel, address) for address in dict.fromkeys(addresses)]


def locks_of_allocator(kernel: Kernel) -> list[Lock]:
    """The known locks that are in the allocator's pool."""
    start, size = kernel.arena["pool"], kernel.allocator["pool_size"]
    return [lock for lock in known_locks(kernel) if start <= lock.address < start + size]


def _pool_lock(kernel: Kernel) -> int | None:
    """The address of a built-in allocator's lock. Locks of others are known only while in use."""
    lists = find_lists(kernel) if kernel.has_arena else None
    return lists.lock_address if lists else None


def find_lock(kernel: Kernel, text: str) -> Lock:
    """A lock by its name, else by its address or any expression that gives one. Raises GdbError."""
    for lock in known_locks(kernel):
        if lock.name == text:
            return lock
    try:
        value = gdb.parse_and_eval(text)
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
            value = value.address
        return Lock(kernel, int(value) & (1 << 64) - 1)
    except gdb.error as error:
        names = ", ".join(lock.name for lock in known_locks(kernel)) or "none"
        raise gdb.GdbError(f"no lock {text} ({error}); taken or waited for: {names}") from None


def circle(kernel: Kernel) -> list[tuple[Core, Lock]]:
    """Cores that wait for each other in a circle, each with the lock that it waits for.

    The next core in the list holds that lock. Empty if there is no circle.
    """
    for first in kernel.cores:
        path: list[tuple[Core, Lock]] = []
        core: Core | None = first
        while core and core.waiting_for and len(path) <= len(kernel.cores):
            lock = Lock(kernel, core.waiting_for)
            path.append((core, lock))
            core = lock.owner_core()
            if core is first:
                return path
    return []
