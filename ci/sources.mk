# What each program is made of: the image, the hosted stress, the explorer of either, the prover.
#
# A folder is a list: a new file of lib/, mm/, smp/, stress/ or stress/explore/ is in every program that has the folder.

# The allocators under test and their lock: the explorer sees each of their accesses, the prover each of their states.
SOURCES_WATCHED  := mm/buddy.c mm/buddy_percpu.c mm/buddy_scan.c smp/spinlock.c
# In place of lib/string.c hosted programs have their C library.
SOURCES_LIB      := $(filter-out lib/string.c,$(wildcard lib/*.c))
# What the image and the hosted programs share. On this host the processor is the same, so part of arch/x86_64 fits.
SOURCES_SHARED   := $(SOURCES_LIB) $(wildcard mm/*.c) smp/barrier.c smp/spinlock.c $(wildcard stress/*.c) \
    arch/x86_64/backtrace.c arch/x86_64/escape.S
SOURCES_EXPLORER := $(wildcard stress/explore/*.c) arch/x86_64/fiber.c arch/x86_64/fiber_switch.S

# The image (boot/program.h): the stress, or the explorer.
SOURCES_IMAGE          := $(filter-out boot/stress.c boot/explore.c,$(wildcard boot/*.[cS])) \
    $(filter-out $(SOURCES_SHARED) $(SOURCES_EXPLORER) arch/x86_64/vcore.c,$(wildcard arch/x86_64/*.[cS])) \
    lib/string.c smp/bringup.c $(SOURCES_SHARED)
SOURCES_IMAGE_STRESS   := $(SOURCES_IMAGE) boot/stress.c
SOURCES_IMAGE_EXPLORER := $(SOURCES_IMAGE) boot/explore.c arch/x86_64/vcore.c $(SOURCES_EXPLORER)

# The hosted programs.
SOURCES_HOSTED          := $(wildcard arch/host/*.c) boot/host/program.c $(SOURCES_SHARED)
SOURCES_HOSTED_STRESS   := $(SOURCES_HOSTED) boot/host/stress_main.c
SOURCES_HOSTED_EXPLORER := $(SOURCES_HOSTED) boot/host/explore_main.c $(SOURCES_EXPLORER)

# The prover is hosted, with a machine of its own; it prints no backtraces.
SOURCES_PROVER := $(wildcard stress/prove/*.c) $(filter-out lib/symbols.c,$(SOURCES_LIB)) $(SOURCES_WATCHED) \
    mm/page_allocator.c mm/walker.c
