# Stampede: a multi-core stress test for page allocators. `make help` says what there is.

CPUS             ?= 8      ## cores, 1 to 255
MEMORY           ?= 512M   ## of the guest, 64M to 64G (2G with STACSOS)
DURATION         ?= 15     ## seconds of stress
SEED             ?=        ## of all random choices; a new one each run if empty
ALLOCATOR        ?=        ## a built-in one's name, or the path of your own: mine.c, .cpp, .rs, .S, .o, .a or a folder of them
ALLOCATOR_NAME   ?=        ## which allocator, if several are registered in the files of ALLOCATOR
USER_CFLAGS      ?=        ## options to compile those files with: "-I../mine/include -DNDEBUG -std=c99"
USER_COMPILE_COMMANDS ?=        ## a compile_commands.json that has such options
USER_MK          ?=        ## a makefile that has such options; stampede.mk beside the files if empty
STACSOS          ?=        ## the path of a StACSOS page-allocator-buddy.cpp (docs/STACSOS.md)
STACSOS_PROMISES ?=        ## promises that it takes back, such as "-coalesces" (docs/STACSOS.md)
ACCEL            ?= auto   ## auto, kvm or tcg
THREAD           ?= multi  ## of TCG: multi or single
SCHEDULE         ?= free   ## free, or deterministic: the interleaving is a function of SEED
FIRMWARE         ?= bios   ## bios or uefi
BOOT             ?= iso    ## iso (by GRUB) or direct (by the PVH note, five times faster)
ARGS             ?=        ## options for the kernel: "name=value name=value"
ON_FAIL          ?=        ## exit, gdb (stay for make gdb) or bundle; bundle in CI, else exit, if empty
HARDENING        ?=        ## 1, with STACSOS: after a pass try calls that no careful caller makes, reported apart
KEEP_GOING       ?=        ## 1: after a failure boot again for the phases that were left
BUNDLE           ?=        ## the folder of a bundle; build/last/bundle if empty
RUN_ARGS         ?=        ## more for "ci/stampede run", such as --junit FILE --expect REGEX
HOSTED           ?=        ## 1: make explore runs as a program of this host, not in QEMU
FROM_LOG         ?=        ## make explore: bring back the failure that this log of make run tells of
EXPLORE_ARGS     ?=        ## more for "ci/stampede explore", such as --seed P:S --strategy sweep
DEFECTS          ?=        ## more for "ci/defects", such as --rules or --only NAME
MUTATE_ARGS      ?=        ## more for "ci/mutate", such as --files mm/buddy.c, --sample 20 or --list
HOURS            ?= 2      ## of make soak
MAX_ORDER        ?= 16     ## largest block of the built-in allocators, 2^MAX_ORDER pages; 10 to 18
BUILD_DIR        ?= build  ## the folder of all that is made

# Make ignores a variable that is misspelt, or that the target does not read, without a word. A make that this one calls
# is handed all of them.
GIVEN := $(strip $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(filter-out -%,$(name)))))
REFUSAL := $(if $(GIVEN),$(shell ci/refuse-variables $(GIVEN) -- $(if $(filter 0,$(MAKELEVEL)),$(MAKECMDGOALS))))
$(if $(REFUSAL),$(error $(REFUSAL)))

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

.DEFAULT_GOAL := help

include ci/build.mk
include ci/sources.mk
include arch/x86_64/image.mk
include arch/host/host.mk

# Files of tests run side by side: what two of them would build at once is built before.
TEST_JOBS  ?= 2

STAMPEDE   := ci/stampede
empty_if    = $(if $(1),$(2) $(1))

.PHONY: help build kernel iso run debug explore kernel-explore hosted-explore mutants gdb postmortem test defects prove soak check clean

help: ## this text
	@ci/make-help $(firstword $(MAKEFILE_LIST))

# $(call choose,IMAGE): of several allocators in the user's files one must be asked for, unless a log names it.
# $(chosen) is its name, or a built-in one's.
USER_OWN := $(if $(STACSOS),,$(USER_FILES))
ASKED  := $(or $(ALLOCATOR_NAME),$(patsubst allocator=%,%,$(lastword $(filter allocator=%,$(ARGS)))))
choose  = $(if $(if $(FROM_LOG),,$(USER_OWN)),ci/user-objects choose '$(ALLOCATOR)' '$(ASKED)' $(1) $(ASKABLE) || exit 2;)
chosen  = $(call empty_if,$(or $(ALLOCATOR_NAME),$(if $(USER_FILES),,$(ALLOCATOR))),--allocator)
ASKABLE = $(OUT)/user/allocator.o
hosted-explore: ASKABLE = $(HOST_BUILD)/explore/user-objects/$(HOST_OWN)/allocator.o

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

# Two files of one name do not share a program, also if they are built at the same time.
HOST_OWN = $(notdir $(shell ci/own-folder '$(HOST_BUILD)/explore/user-objects/$(USER_NAME)' '$(ALLOCATOR)'))
HOST_EXPLORER = $(HOST_BUILD)/explore/$(if $(USER_FILES),user/$(HOST_OWN),stampede-explore)
hosted-explore:
	$(if $(UNHOSTED),$(error $(UNHOSTED)))
	@+$(MAKE) --no-print-directory -f arch/host/host.mk $(HOST_EXPLORER) HOST_ALLOCATOR="$(USER_CODE)" HOST_USER=$(HOST_OWN) HOST_USER_DIR=$(USER_DIR)
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
	@+$(MAKE) --no-print-directory -j2 build
	@+$(MAKE) --no-print-directory -j2 -f tests/tests.mk hosted-tests hosted-subjects sound-hosted
	@+$(MAKE) --no-print-directory -j2 kernel EXPLORE=1
	@$(PYTHON) -m pytest -q -p no:cacheprovider -n $(TEST_JOBS) --dist loadfile tests

defects: ## plant each bug of tests/defects in a copy of the tree, and see that it is found
	@ci/install-deps test
	@ci/defects $(DEFECTS)

mutants: ## change the allocators and the lock in a thousand places; every change must be noticed (an hour)
	@ci/install-deps test
	@ci/mutate $(if $(filter --detectors --files --only --sample,$(MUTATE_ARGS)),,--markdown docs/MUTANTS.md) $(MUTATE_ARGS)

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
