# The sources of each program: stress test and explorer (each in the image and hosted), and the prover.
#
# Most folders are listed by wildcard: a new file in lib/, mm/, stress/ or stress/explore/ joins every program that uses
# the folder. A new file in smp/ must be added here.

# The built-in allocators and their lock. The explorer sees each of their memory accesses, the prover each of their
# states.
SOURCES_WATCHED  := mm/buddy.c mm/buddy_percpu.c mm/buddy_scan.c smp/spinlock.c
# Hosted programs use their C library instead of lib/string.c.
SOURCES_LIB      := $(filter-out lib/string.c,$(wildcard lib/*.c))
# Shared by the image and the hosted programs. The host is x86_64, too, so parts of arch/x86_64 work there.
SOURCES_SHARED   := $(SOURCES_LIB) $(wildcard mm/*.c) smp/barrier.c smp/spinlock.c $(wildcard stress/*.c) \
    arch/x86_64/backtrace.c arch/x86_64/escape.S
SOURCES_EXPLORER := $(wildcard stress/explore/*.c) arch/x86_64/fiber.c arch/x86_64/fiber_switch.S

# The image runs the stress test or the explorer (boot/program.h).
SOURCES_IMAGE          := $(filter-out boot/stress.c boot/explore.c,$(wildcard boot/*.[cS])) \
    $(filter-out $(SOURCES_SHARED) $(SOURCES_EXPLORER) arch/x86_64/vcore.c,$(wildcard arch/x86_64/*.[cS])) \
    lib/string.c smp/bringup.c $(SOURCES_SHARED)
SOURCES_IMAGE_STRESS   := $(SOURCES_IMAGE) boot/stress.c
SOURCES_IMAGE_EXPLORER := $(SOURCES_IMAGE) boot/explore.c arch/x86_64/vcore.c $(SOURCES_EXPLORER)

# The hosted programs.
SOURCES_HOSTED          := $(wildcard arch/host/*.c) boot/host/program.c $(SOURCES_SHARED)
SOURCES_HOSTED_STRESS   := $(SOURCES_HOSTED) boot/host/stress_main.c
SOURCES_HOSTED_EXPLORER := $(SOURCES_HOSTED) boot/host/explore_main.c $(SOURCES_EXPLORER)

# The prover is a hosted program with its own machine (stress/prove/machine.c). It prints no backtraces.
SOURCES_PROVER := $(wildcard stress/prove/*.c) $(filter-out lib/symbols.c,$(SOURCES_LIB)) $(SOURCES_WATCHED) \
    mm/page_allocator.c mm/walker.c
