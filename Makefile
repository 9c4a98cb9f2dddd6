# Stampede: a multi-core stress test for page allocators. `make help` says what there is.

CPUS      ?= 8      ## cores, 1 to 255
MEMORY    ?= 512M   ## of the guest, 64M to 64G (2G with STACSOS)
DURATION  ?= 15     ## seconds of stress
SEED      ?=        ## of all random choices; a new one each run if empty
ALLOCATOR ?=        ## a built-in one's name, or the path of your own: mine.c, .cpp, .rs, .S, .o, .a or a folder of them
ALLOCATOR_NAME ?=   ## which allocator, if several are registered in the files of ALLOCATOR
USER_CFLAGS ?=      ## options to compile those files with: "-I../mine/include -DNDEBUG -std=c99"
USER_COMPILE_COMMANDS ?= ## a compile_commands.json that has such options
USER_MK   ?=        ## a makefile that has such options; stampede.mk beside the files if empty
STACSOS   ?=        ## the path of a StACSOS page-allocator-buddy.cpp (docs/STACSOS.md)
STACSOS_PROMISES ?= ## promises that it takes back, such as "-coalesces" (docs/STACSOS.md)
ACCEL     ?= auto   ## auto, kvm or tcg
THREAD    ?= multi  ## of TCG: multi or single
SCHEDULE  ?= free   ## free, or deterministic: the interleaving is a function of SEED
FIRMWARE  ?= bios   ## bios or uefi
BOOT      ?= iso    ## iso (by GRUB) or direct (by the PVH note, five times faster)
ARGS      ?=        ## options for the kernel: "name=value name=value"
ON_FAIL   ?=        ## exit, gdb (stay for make gdb) or bundle; bundle in CI, else exit, if empty
HARDENING ?=        ## 1, with STACSOS: after a pass try calls that no careful caller makes, reported apart
KEEP_GOING ?=       ## 1: after a failure boot again for the phases that were left
BUNDLE    ?=        ## the folder of a bundle; build/last/bundle if empty
RUN_ARGS  ?=        ## more for "ci/stampede run", such as --junit FILE --expect REGEX
HOSTED    ?=        ## 1: make explore runs as a program of this host, not in QEMU
FROM_LOG  ?=        ## make explore: bring back the failure that this log of make run tells of
EXPLORE_ARGS ?=     ## more for "ci/stampede explore", such as --seed P:S --strategy sweep
DEFECTS   ?=        ## more for "ci/defects", such as --rules or --only NAME
HOURS     ?= 2      ## of make soak
MAX_ORDER ?= 16     ## largest block of the built-in allocators, 2^MAX_ORDER pages; 10 to 18
BUILD_DIR ?= build  ## the folder of all that is made

# A misspelt variable would be ignored without a word. Those above are known, and these.
OTHER_VARIABLES := CC CURDIR CXX EXPLORE HOST_ALLOCATOR HOST_CC HOST_USER HOST_USER_DIR MUTATE_ARGS PYTHON RUSTC STACSOS_GENERATION \
    STACSOS_LOCK STACSOS_PROMISES USER_DEFINES USER_FLAGS USER_INCLUDES USER_RUSTFLAGS USER_SOURCES USER_STD TEST_JOBS V
GIVEN := $(strip $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(filter-out -%,$(name)))))
ifneq ($(GIVEN),)
KNOWN := $(OTHER_VARIABLES) $(shell sed -n 's/^\([A-Z_]*\) *?=.* \#\#.*/\1/p' $(firstword $(MAKEFILE_LIST)))
UNKNOWN := $(filter-out $(KNOWN),$(GIVEN))
$(if $(UNKNOWN),$(error $(shell ci/refuse-variables $(UNKNOWN) -- $(KNOWN))))
endif

comma := ,

ifeq ($(origin CC),default)
CC := gcc
endif

# Room for whole blocks of order 16 in the selftest of an allocator that writes into free pages.
ifneq ($(STACSOS),)
ifeq ($(origin MEMORY),file)
MEMORY := 2G
endif
endif

# What a deterministic machine wants, unless something else is asked for, which it then refuses.
ifeq ($(strip $(SCHEDULE)),deterministic)
ifeq ($(origin THREAD),file)
THREAD := single
endif
ifeq ($(origin BOOT),file)
BOOT := direct
endif
endif

# Make keeps the blanks before a comment.
$(foreach name,CPUS MEMORY DURATION SEED ALLOCATOR ALLOCATOR_NAME STACSOS ACCEL THREAD SCHEDULE FIRMWARE BOOT ARGS ON_FAIL KEEP_GOING BUNDLE HOURS MAX_ORDER HOSTED FROM_LOG BUILD_DIR,\
    $(eval override $(name) := $(strip $($(name)))))

# Said here, for the compiler says it in a hundred lines, and the tool when all is built.
in_range = $(if $(filter $(3),$(2)),,$(error $(1)=$(2): $(4)))
$(call in_range,CPUS,$(CPUS),$(if $(filter 8,$(CPUS)),8,$(shell seq 255)),it is 1 to 255)
$(call in_range,MAX_ORDER,$(MAX_ORDER),10 11 12 13 14 15 16 17 18,it is 10 to 18)
$(call in_range,ACCEL,$(ACCEL),auto kvm tcg,it is auto$(comma) kvm or tcg)
$(call in_range,THREAD,$(THREAD),multi single,it is multi or single)
$(call in_range,SCHEDULE,$(SCHEDULE),free deterministic,it is free or deterministic)
$(call in_range,FIRMWARE,$(FIRMWARE),bios uefi,it is bios or uefi)
$(call in_range,BOOT,$(BOOT),iso direct,it is iso or direct)
$(call in_range,ON_FAIL,$(or $(ON_FAIL),exit),exit gdb bundle,it is exit$(comma) gdb or bundle)

# What the tool makes goes there, too. A folder that this made is marked: make clean removes no other.
ifneq ($(BUILD_DIR),build)
export STAMPEDE_BUILD := $(abspath $(BUILD_DIR))
endif
ifneq ($(filter-out help clean check gdb postmortem,$(MAKECMDGOALS)),)
ifeq ($(shell mkdir -p '$(BUILD_DIR)' 2>/dev/null && (: >'$(BUILD_DIR)/.stampede') 2>/dev/null && echo yes),)
$(error $(BUILD_DIR): the build cannot be written there, the disk being full or read-only: say BUILD_DIR= and a folder elsewhere)
endif
endif

VERSION := 0.1.0

# make V=1 shows the commands themselves.
Q   := $(if $(V),,@)
SAY := @$(if $(V),:,echo ' ')

# A variant of the build has a folder of its own, so that going back and forth rebuilds nothing. An
# allocator of one's own is linked with the objects of the variant without it.
COMMON := $(BUILD_DIR)/$(notdir $(CC))-order$(MAX_ORDER)$(if $(EXPLORE),-explore)

CPPFLAGS := -I. -Iarch/x86_64/include -DSTAMPEDE_MAX_ORDER=$(MAX_ORDER) -DSTAMPEDE_VERSION='"$(VERSION)"'
CFLAGS   := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wundef -Wvla -ffreestanding -fno-pie -fno-pic -fno-stack-protector -fno-omit-frame-pointer \
            -fasynchronous-unwind-tables -fno-strict-aliasing -mno-red-zone -mgeneral-regs-only \
            -mno-sse -mcmodel=small '-ffile-prefix-map=$(subst ','\'',$(CURDIR))=.' -ffunction-sections -fdata-sections
LDFLAGS  := -nostdlib -static -Wl,-z,max-page-size=4096,-z,noexecstack,--build-id=none,--fatal-warnings \
            -Wl,--no-warn-rwx-segments -T linker.ld

# Every access becomes a call (stress/explore/instrument.c).
VOLATILE   := $(if $(findstring clang,$(CC)),-mllvm -tsan-distinguish-volatile=1,--param=tsan-distinguish-volatile=1)
INSTRUMENT := $(if $(EXPLORE),-fsanitize=thread $(VOLATILE) $(foreach name,memset memcpy memmove,-D$(name)=explore_$(name)))
INSTRUMENT_FIRST := $(if $(EXPLORE),-Istress/explore/include)

include mm/adapters/adapters.mk

# The explorer's image, made by EXPLORE=1: in place of the phases, with allocators and lock instrumented.
EXPLORER := boot/explore.c arch/x86_64/fiber.c arch/x86_64/fiber_switch.S arch/x86_64/vcpu.c \
    $(addprefix stress/explore/,benign.c explore.c instrument.c machine.c minimise.c program.c race.c schedule.c tale.c trial.c)

KERNEL_SOURCES := \
    boot/entry.S boot/main.c boot/bootinfo.c boot/memory.c boot/selfcheck.c $(if $(EXPLORE),$(EXPLORER),boot/stress.c) \
    arch/x86_64/acpi.c arch/x86_64/apic.c arch/x86_64/backtrace.c arch/x86_64/clock.c \
    arch/x86_64/escape.S arch/x86_64/exit.c \
    arch/x86_64/paging.c arch/x86_64/probe.c arch/x86_64/probe_entry.S arch/x86_64/provoke.c arch/x86_64/serial.c arch/x86_64/setup.c arch/x86_64/startup.c \
    arch/x86_64/timer.c arch/x86_64/trampoline.S arch/x86_64/trap.c arch/x86_64/trap_entry.S \
    arch/x86_64/work.c \
    lib/bitmap.c lib/crc32.c lib/printf.c lib/prng.c lib/rules.c lib/string.c lib/symbols.c \
    mm/buddy.c mm/buddy_percpu.c mm/buddy_scan.c mm/memmap.c mm/page_allocator.c mm/walker.c \
    smp/barrier.c smp/bringup.c smp/spinlock.c \
    stress/advice.c stress/arena.c stress/arena_rest.c stress/arena_setup.c stress/call.c stress/census.c stress/content.c stress/explain.c \
    stress/failure.c stress/mix.c stress/options.c stress/phase_bad_free.c stress/phase_exhaust.c stress/phase_hotplug.c \
    stress/phase_irq.c stress/phase_mixed.c stress/phase_placed.c stress/phase_remote_free.c stress/phase_selftest.c stress/plan.c stress/provoke.c \
    stress/report.c stress/run.c stress/statics.c stress/tested.c stress/tick.c stress/totals.c stress/traps.c stress/watch.c \
    stress/steps.c stress/vector_run.c stress/vectors.c

OBJECTS := $(patsubst %,$(COMMON)/%.o,$(basename $(KERNEL_SOURCES)))

KERNEL := $(OUT)/stampede.elf
ISO    := $(OUT)/stampede.iso

# Files of tests run side by side: what two of them would build at once is built before.
TEST_JOBS  ?= 2

STAMPEDE   := ci/stampede
PYTHON     := /usr/bin/python3
or_full     = || { ci/full-disk $(@D); exit 1; }
empty_if    = $(if $(1),$(2) $(1))

.DEFAULT_GOAL := help
.PHONY: help build kernel iso run debug explore kernel-explore hosted-explore kernel-recipe mutants gdb postmortem test defects prove soak check clean FORCE

columns = awk -F '|' '{ if (NF == 2) printf "%-19s %s\n", $$1, $$2; else printf "%-21s %-6s %s\n", $$1, $$2, $$3 }'

help: ## this text
	@echo 'Stampede stress-tests page allocators on all cores. Targets:'
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' $(firstword $(MAKEFILE_LIST)) | $(columns)
	@echo 'Variables (make run CPUS=4 ...):'
	@sed -n 's/^\([A-Z_]*\) *?= *\([^#]*[^# ]\)\{0,1\} *## */  \1|\2|/p' $(firstword $(MAKEFILE_LIST)) | $(columns)

# $(call choose,IMAGE): of several allocators in the user's files one must be asked for, unless a log names it.
# $(chosen) is its name, or a built-in one's.
USER_OWN := $(if $(STACSOS),,$(USER_FILES))
ASKED  := $(or $(ALLOCATOR_NAME),$(patsubst allocator=%,%,$(lastword $(filter allocator=%,$(ARGS)))))
choose  = $(if $(if $(FROM_LOG),,$(USER_OWN)),ci/user-objects choose '$(ALLOCATOR)' '$(ASKED)' $(1) $(ASKABLE) || exit 2;)
chosen  = $(call empty_if,$(or $(ALLOCATOR_NAME),$(if $(USER_FILES),,$(ALLOCATOR))),--allocator)
ASKABLE = $(OUT)/user/allocator.o
hosted-explore: ASKABLE = $(HOST_BUILD)/explore/user-objects/$(USER_NAME)/allocator.o

build: kernel iso ## build the kernel and the ISO image
kernel: $(KERNEL)
iso: $(ISO)

run: ## install what is missing, build, boot in QEMU, stress, say the verdict
debug: ## as run, but wait for make gdb before the first instruction
debug: HALTED := --debug
run debug:
	@ci/install-deps run $(if $(USER_CXX),cxx) $(if $(USER_RUST),rust)
	@+$(MAKE) --no-print-directory $(if $(filter direct,$(BOOT)),kernel,iso)
	@$(call choose,$(KERNEL)) $(STAMPEDE) run --iso $(ISO) --kernel $(KERNEL) --boot $(BOOT) --cpus $(CPUS) \
	    --memory $(MEMORY) --seconds $(DURATION) --accel $(ACCEL) --thread $(THREAD) --schedule $(SCHEDULE) \
	    --firmware $(FIRMWARE) $(call empty_if,$(SEED),--seed) \
	    $(chosen) \
	    $(call empty_if,$(ON_FAIL),--on-fail) $(call empty_if,$(BUNDLE),--bundle) $(if $(KEEP_GOING),--keep-going) $(addprefix --stage ,$(RUN_STAGES)) $(HALTED) $(RUN_ARGS) \
	    $(if $(ARGS),--args "$(ARGS)")

explore: ## search schedules for one that breaks a rule, show it made small (HOSTED=1: ten times faster)
	@ci/install-deps run $(if $(USER_CXX),cxx) $(if $(USER_RUST),rust)
	@$(if $(strip $(USER_READY) $(USER_ARCHIVES) $(USER_RUST)),echo "$(strip $(USER_READY) $(USER_ARCHIVES) $(USER_RUST)): not compiled for the explorer: of its accesses only those in spinlock_irq functions are seen" >&2)
	@+$(MAKE) --no-print-directory $(if $(or $(HOSTED),$(REPLAY_HOSTED)),hosted-explore,kernel-explore EXPLORE=1)

# Why it cannot be hosted. What can be is, of a log: the programs made of it are many.
UNHOSTED = $(strip $(if $(STACSOS)$(USER_CXX)$(USER_RUST),HOSTED=1 is for allocators of C files; without it any can be explored,\
    $(if $(filter-out 16,$(MAX_ORDER)),HOSTED=1 is for MAX_ORDER=16$(comma) not $(MAX_ORDER); without it there are others)))
REPLAY_HOSTED = $(and $(FROM_LOG),$(if $(UNHOSTED),,yes))

EXPLORE_RUN = $(STAMPEDE) explore $(if $(FROM_LOG),--from-log "$(FROM_LOG)") $(chosen) $(call empty_if,$(SEED),--seed) \
    --seconds $(DURATION) $(if $(KEEP_GOING),--keep-going) $(EXPLORE_ARGS) \
    $(if $(ARGS),--args "$(ARGS)")

kernel-explore: $(KERNEL)
	@$(call choose,$(KERNEL)) $(EXPLORE_RUN) --kernel $(KERNEL)

HOST_EXPLORER := $(BUILD_DIR)/host/explore/$(if $(USER_FILES),user/$(USER_NAME),stampede-explore)
hosted-explore:
	$(if $(UNHOSTED),$(error $(UNHOSTED)))
	@+$(MAKE) --no-print-directory -f arch/host/host.mk $(HOST_EXPLORER) HOST_ALLOCATOR="$(USER_CODE)" HOST_USER=$(USER_NAME) HOST_USER_DIR=$(USER_DIR)
	@$(call choose,$(HOST_EXPLORER)) $(EXPLORE_RUN) --hosted --program-file $(HOST_EXPLORER)

gdb: ## attach gdb to the run that goes on, or is held after a failure
	@ci/install-deps gdb
	@$(STAMPEDE) gdb

postmortem: ## open the bundle of a failure in gdb
	@ci/install-deps gdb
	@$(STAMPEDE) postmortem $(or $(BUNDLE),$(BUILD_DIR)/last/bundle)

prove: ## every state of small arenas, and models of the locks: a table of what is proved (a minute or two)
	@ci/install-deps prove
	@ci/prove

test: ## everything: hosted tests, boots in QEMU, the judge's own tests (under ten minutes)
	@ci/install-deps test
	@+$(MAKE) --no-print-directory -j2 build hosted-tests hosted-subjects sound-hosted
	@+$(MAKE) --no-print-directory -j2 kernel EXPLORE=1
	@$(PYTHON) -m pytest -q -p no:cacheprovider -n $(TEST_JOBS) --dist loadfile tests

defects: ## plant each bug of tests/defects in a copy of the tree, and see that it is found
	@ci/install-deps test
	@ci/defects $(DEFECTS)

mutants: ## change the allocators and the lock in a thousand places; every change must be noticed (an hour)
	@ci/install-deps test
	@ci/mutate --markdown docs/MUTANTS.md $(MUTATE_ARGS)

soak: ## hours of runs, each another configuration: none may raise an alarm; goes on where it was ended
	@ci/install-deps run $(if $(USER_CXX),cxx) $(if $(USER_RUST),rust)
	@+$(MAKE) --no-print-directory build
	$(if $(ALLOCATOR_NAME),$(error make soak tests the first allocator of the files: give it the files of one))
	@$(call choose,$(KERNEL)) ci/soak --kernel $(KERNEL) --hours $(HOURS) $(call empty_if,$(SEED),--seed) $(if $(KEEP_GOING),--keep-going) \
	    $(if $(USER_FILES),--own --folder $(OUT)/soak)

check: ## formatting, headers, folder arrows, static analysis
	@ci/install-deps check
	@ci/check

clean: ## remove everything that was built
	$(if $(filter build,$(BUILD_DIR)),,@test -f '$(BUILD_DIR)/.stampede' || { echo '$(BUILD_DIR): no build of this Makefile'; exit 1; })
	rm -rf '$(BUILD_DIR)'

$(COMMON)/%.o: %.c $(COMMON)/flags
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $< $(or_full)

INSTRUMENTED := mm/buddy mm/buddy_percpu mm/buddy_scan smp/spinlock
$(INSTRUMENTED:%=$(COMMON)/%.o): private CPPFLAGS := $(INSTRUMENT_FIRST) $(CPPFLAGS) $(INSTRUMENT)

$(COMMON)/%.o: %.S $(COMMON)/flags
	@mkdir -p $(@D)
	$(SAY) AS $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $< $(or_full)

# The user's allocator comes first, and so is the default. Linked twice: the names of the functions, for backtraces, are
# known once it is linked.
LINKED := $(USER_OBJECTS) $(OBJECTS) $(STAGE_OBJECTS)
LINK    = $(CC) $(LDFLAGS) -Wl,-Map=$(@:.elf=.map) -o $@ $(filter %.o,$^) $(or_unfit)
# What the linker lacks is the user's to give, if there is a user's file.
or_unfit = || { ci/full-disk $(@D) || $(if $(USER_FILES),echo '$(ALLOCATOR)$(STACSOS): the image cannot be linked with this; \
    the message above is the linker'"'"'s' >&2,true); exit 1; }

$(OUT)/symbols-table0.S: ci/symbols
	@mkdir -p $(@D)
	$(Q)$(PYTHON) ci/symbols </dev/null >$@

$(OUT)/symbols-table.S: $(OUT)/unnamed.elf ci/symbols
	$(Q)nm $< | $(PYTHON) ci/symbols >$@

$(OUT)/symbols-table.o $(OUT)/symbols-table0.o: %.o: %.S
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

$(OUT)/unnamed.elf: $(LINKED) $(OUT)/symbols-table0.o linker.ld
	$(if $(STACSOS),$(Q)$(call registered,$(USER_OBJECTS),$(STACSOS_SOURCE)))
	$(Q)$(LINK)

# Settings of the image that are not the default, one a line: make explore with the same makes its explorer. The user's
# compile settings are recorded if they are not of his makefile fragment, which is found again.
MADE_WITH = $(addprefix ALLOCATOR=,$(if $(USER_FILES),$(ALLOCATOR))) \
    $(foreach name,STACSOS STACSOS_GENERATION STACSOS_LOCK STACSOS_PROMISES,$(addprefix $(name)=,$($(name)))) \
    $(patsubst %,CC=%,$(filter-out gcc,$(CC))) $(patsubst %,MAX_ORDER=%,$(filter-out 16,$(MAX_ORDER)))

USER_SETTERS := USER_CFLAGS USER_COMPILE_COMMANDS USER_DEFINES USER_FLAGS USER_INCLUDES USER_MK USER_RUSTFLAGS USER_SOURCES USER_STD
made_by = $(if $(filter command environment,$(word 1,$(origin $(1)))),$(if $($(1)),'$(1)=$(subst ','\'',$($(1)))'))

$(OUT)/made-with: $(USER_OBJECTS)
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' $(foreach word,$(MADE_WITH),'$(word)') $(foreach name,$(USER_SETTERS),$(call made_by,$(name))) >$@

$(KERNEL): $(LINKED) $(OUT)/symbols-table.o linker.ld | $(OUT)/made-with
	$(SAY) LD $@
	$(Q)$(LINK)

# As hosted-recipe (tests/tests.mk), for the image.
kernel-recipe:
	$(info compile kernel $(CC) $(CPPFLAGS) $(CFLAGS))
	$(info link kernel $(CC) $(LDFLAGS))
	$(info program kernel/stampede.elf $(LINKED) $(OUT)/symbols-table0.o)
	@:

no_mkrescue = grub-mkrescue is missing, which makes the ISO image: ci/install-deps run installs it; BOOT=direct needs no image

# One image for BIOS and UEFI, on a disc or a stick.
$(ISO): $(KERNEL) boot/grub.cfg
	$(SAY) ISO $@
	@mkdir -p $(OUT)/iso/boot/grub
	@cp $(KERNEL) $(OUT)/iso/boot/stampede.elf
	@cp boot/grub.cfg $(OUT)/iso/boot/grub/grub.cfg
	@command -v grub-mkrescue >/dev/null || { echo '$(no_mkrescue)' >&2; exit 1; }
	$(Q)grub-mkrescue --fonts= --locales= --themes= -o $@ $(OUT)/iso >$(OUT)/grub-mkrescue.log 2>&1 || \
	    { cat $(OUT)/grub-mkrescue.log; ci/full-disk $(OUT) 16384; rm -f $@; exit 1; }

# Rebuild when the flags change, and only then.
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(COMMON)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || \
	    printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@

-include $(OBJECTS:.o=.d)
include arch/host/host.mk
include tests/tests.mk
