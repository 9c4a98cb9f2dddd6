# The sources of each program: the image, the hosted stress, the explorers of both, the prover.
#
# Whole folders are listed: a new file in lib/, mm/, stress/ or stress/explore/ belongs to every
# program that has its folder.

# The allocators under test and their lock. The explorer sees each of their memory accesses, the
# prover each of their states.
SOURCES_WATCHED  := mm/buddy.c mm/buddy_percpu.c mm/buddy_scan.c smp/spinlock.c
# Hosted programs use their C library instead of lib/string.c.
SOURCES_LIB      := $(filter-out lib/string.c,$(wildcard lib/*.c))
# Sources that the image and the hosted programs share. The host is an x86-64 machine too, so it can
# use part of arch/x86_64.
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

# The prover is a hosted program with its own port of the machine. It prints no backtraces.
SOURCES_PROVER := $(wildcard stress/prove/*.c) $(filter-out lib/symbols.c,$(SOURCES_LIB)) $(SOURCES_WATCHED) \
    mm/page_allocator.c mm/walker.c
