"""Sets of the rules that a log can name."""

# Rules that an allocator can break in the explorer as well as on all cores.
EXPLORABLE = ("overlap", "outside", "misaligned", "content", "free-list", "uncoalesced", "lost", "false-oom",
              "free-refused", "bad-free", "irq-state", "lock-held", "lock-owner", "deadlock", "stall",
              "wild-access", "trap")
