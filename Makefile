# Stampede: a multi-core stress test for page allocators. `make help` lists targets and variables.

CPUS             ?= 8      ## number of cores, 1 to 255
MEMORY           ?= 512M   ## memory of the guest, 64M to 64G (2G with STACSOS)
DURATION         ?= 15     ## how many seconds to stress or to explore
SEED             ?=        ## seed of all random choices; empty: a new one for each run
ALLOCATOR        ?=        ## name of a built-in allocator, or path of your own: mine.c, .cpp, .rs, .S, .o, .a or a folder of them
ALLOCATOR_NAME   ?=        ## which allocator, if the files of ALLOCATOR register several
USER_CFLAGS      ?=        ## compiler options for those files: "-I../mine/include -DNDEBUG -std=c99"
USER_COMPILE_COMMANDS ?=        ## a compile_commands.json with such options
USER_MK          ?=        ## a makefile with such options; empty: stampede.mk beside the files
STACSOS          ?=        ## path of a StACSOS page-allocator-buddy.cpp (docs/STACSOS.md)
STACSOS_PROMISES ?=        ## promises that it does not make, such as "-coalesces" (docs/STACSOS.md)
ACCEL            ?= auto   ## accelerator: auto, kvm or tcg
THREAD           ?= multi  ## TCG threads: multi or single
SCHEDULE         ?= free   ## free, or deterministic: SEED decides the interleaving
FIRMWARE         ?= bios   ## firmware: bios or uefi
BOOT             ?= iso    ## iso (through GRUB) or direct (through the PVH note, five times faster)
ARGS             ?=        ## options for the kernel: "name=value name=value"
ON_FAIL          ?=        ## after a failure: exit, gdb (wait for make gdb) or bundle (save it); empty: bundle in CI, otherwise exit
HARDENING        ?=        ## 1, with STACSOS: after a pass also try calls that no careful caller makes; reported separately
KEEP_GOING       ?=        ## 1: after a failure boot again for the remaining phases
BUNDLE           ?=        ## folder of a bundle; empty: build/last/bundle
RUN_ARGS         ?=        ## more options for "ci/stampede run", such as --junit FILE --expect REGEX
HOSTED           ?=        ## 1: make explore runs as a program of this host, not in QEMU
FROM_LOG         ?=        ## make explore: a log of make run, whose failure it tries to repeat
EXPLORE_ARGS     ?=        ## more options for "ci/stampede explore", such as --seed P:S --strategy sweep
DEFECTS          ?=        ## more options for "ci/defects", such as --rules or --only NAME
MUTATE_ARGS      ?=        ## more options for "ci/mutate", such as --files mm/buddy.c, --sample 20 or --list
HOURS            ?= 2      ## hours that make soak runs
MAX_ORDER        ?= 16     ## largest order of the built-in allocators (blocks of 2^MAX_ORDER pages), 10 to 18
BUILD_DIR        ?= build  ## folder for everything that is built

# Make silently ignores a variable that is misspelt or that the target does not read: refuse both. A nested make gets
# all variables, so there only the spelling is checked.
GIVEN := $(strip $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(filter-out -%,$(name)))))
REFUSAL := $(if $(GIVEN),$(shell ci/refuse-variables $(GIVEN) -- $(if $(filter 0,$(MAKELEVEL)),$(MAKECMDGOALS))))
$(if $(REFUSAL),$(error $(REFUSAL)))

comma := ,

ifeq ($(origin CC),default)
CC := gcc
endif

# An allocator that writes into free pages needs this much for whole blocks of order 16 in the selftest.
ifneq ($(STACSOS),)
ifeq ($(origin MEMORY),file)
MEMORY := 2G
endif
endif

# Defaults for a deterministic machine. ci/stampede refuses other values.
ifeq ($(strip $(SCHEDULE)),deterministic)
ifeq ($(origin THREAD),file)
THREAD := single
endif
ifeq ($(origin BOOT),file)
BOOT := direct
endif
endif

# Make keeps the blanks between a value and its comment: strip them.
$(foreach name,CPUS MEMORY DURATION SEED ALLOCATOR ALLOCATOR_NAME STACSOS ACCEL THREAD SCHEDULE FIRMWARE BOOT ARGS ON_FAIL KEEP_GOING BUNDLE HOURS MAX_ORDER HOSTED FROM_LOG BUILD_DIR,\
    $(eval override $(name) := $(strip $($(name)))))

# Check ranges here: the compiler would print a hundred lines, and ci/stampede would refuse only after the build.
in_range = $(if $(filter $(3),$(2)),,$(error $(1)=$(2): $(4)))
$(call in_range,CPUS,$(CPUS),$(if $(filter 8,$(CPUS)),8,$(shell seq 255)),it is 1 to 255)
$(call in_range,MAX_ORDER,$(MAX_ORDER),10 11 12 13 14 15 16 17 18,it is 10 to 18)
$(call in_range,ACCEL,$(ACCEL),auto kvm tcg,it is auto$(comma) kvm or tcg)
$(call in_range,THREAD,$(THREAD),multi single,it is multi or single)
$(call in_range,SCHEDULE,$(SCHEDULE),free deterministic,it is free or deterministic)
$(call in_range,FIRMWARE,$(FIRMWARE),bios uefi,it is bios or uefi)
$(call in_range,BOOT,$(BOOT),iso direct,it is iso or direct)
$(call in_range,ON_FAIL,$(or $(ON_FAIL),exit),exit gdb bundle,it is exit$(comma) gdb or bundle)

# ci/stampede writes its files there, too. The file .stampede marks a folder of this Makefile: make clean removes no
# other.
ifneq ($(BUILD_DIR),build)
export STAMPEDE_BUILD := $(abspath $(BUILD_DIR))
endif
ifneq ($(filter-out help clean check gdb postmortem,$(MAKECMDGOALS)),)
ifeq ($(shell mkdir -p '$(BUILD_DIR)' 2>/dev/null && (: >'$(BUILD_DIR)/.stampede') 2>/dev/null && echo yes),)
$(error $(BUILD_DIR): the build cannot be written there: the disk is full or read-only. Give another folder by BUILD_DIR=)
endif
endif

.DEFAULT_GOAL := help

include ci/build.mk
include ci/sources.mk
include arch/x86_64/image.mk
include arch/host/host.mk

# How many test files run in parallel. `make test` first builds what several of them need.
TEST_JOBS  ?= 2

STAMPEDE   := ci/stampede
empty_if    = $(if $(1),$(2) $(1))

.PHONY: help build kernel iso run debug explore kernel-explore hosted-explore mutants gdb postmortem test defects prove soak check clean

help: ## this text
	@ci/make-help $(firstword $(MAKEFILE_LIST))

# $(call choose,IMAGE): if the user's files register several allocators, require the name of one, unless a log gives it.
# $(chosen): the option --allocator with that name, or with the name of a built-in allocator.
USER_OWN := $(if $(STACSOS),,$(USER_FILES))
ASKED  := $(or $(ALLOCATOR_NAME),$(patsubst allocator=%,%,$(lastword $(filter allocator=%,$(ARGS)))))
choose  = $(if $(if $(FROM_LOG),,$(USER_OWN)),ci/user-objects choose '$(ALLOCATOR)' '$(ASKED)' $(1) $(ASKABLE) || exit 2;)
chosen  = $(call empty_if,$(or $(ALLOCATOR_NAME),$(if $(USER_FILES),,$(ALLOCATOR))),--allocator)
ASKABLE = $(OUT)/user/allocator.o
hosted-explore: ASKABLE = $(HOST_BUILD)/explore/user-objects/$(HOST_OWN)/allocator.o

build: kernel iso ## build the kernel and the ISO image
kernel: $(KERNEL)
iso: $(ISO)

run: ## install what is missing, build, boot in QEMU, stress, print the verdict
debug: ## like run, but wait for make gdb before the first instruction
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

explore: ## search for a schedule that breaks a rule, minimise it and show it (HOSTED=1: ten times faster)
	@ci/install-deps run $(if $(USER_CXX),cxx) $(if $(USER_RUST),rust)
	@$(if $(strip $(USER_READY) $(USER_ARCHIVES) $(USER_RUST)),echo "$(strip $(USER_READY) $(USER_ARCHIVES) $(USER_RUST)): not compiled for the explorer: it sees only calls of spinlock_irq functions there" >&2)
	@+$(MAKE) --no-print-directory $(if $(or $(HOSTED),$(REPLAY_HOSTED)),hosted-explore,kernel-explore EXPLORE=1)

# Why HOSTED=1 is impossible; empty if it is possible. With FROM_LOG the hosted explorer is used whenever possible: a
# log gives many programs to try.
UNHOSTED = $(strip $(if $(STACSOS)$(USER_CXX)$(USER_RUST),HOSTED=1 is for allocators of C files; without it every allocator can be explored,\
    $(if $(filter-out 16,$(MAX_ORDER)),HOSTED=1 is for MAX_ORDER=16$(comma) not $(MAX_ORDER); without HOSTED=1 other values work)))
REPLAY_HOSTED = $(and $(FROM_LOG),$(if $(UNHOSTED),,yes))

EXPLORE_RUN = $(STAMPEDE) explore $(if $(FROM_LOG),--from-log "$(FROM_LOG)") $(chosen) $(call empty_if,$(SEED),--seed) \
    --seconds $(DURATION) $(if $(KEEP_GOING),--keep-going) $(EXPLORE_ARGS) \
    $(if $(ARGS),--args "$(ARGS)")

kernel-explore: $(KERNEL)
	@$(call choose,$(KERNEL)) $(EXPLORE_RUN) --kernel $(KERNEL)

# Two allocator files with the same name get separate programs, even if they are built at the same time.
HOST_OWN = $(notdir $(shell ci/own-folder '$(HOST_BUILD)/explore/user-objects/$(USER_NAME)' '$(ALLOCATOR)'))
HOST_EXPLORER = $(HOST_BUILD)/explore/$(if $(USER_FILES),user/$(HOST_OWN),stampede-explore)
hosted-explore:
	$(if $(UNHOSTED),$(error $(UNHOSTED)))
	@+$(MAKE) --no-print-directory -f arch/host/host.mk $(HOST_EXPLORER) HOST_ALLOCATOR="$(USER_CODE)" HOST_USER=$(HOST_OWN) HOST_USER_DIR=$(USER_DIR)
	@$(call choose,$(HOST_EXPLORER)) $(EXPLORE_RUN) --hosted --program-file $(HOST_EXPLORER)

gdb: ## attach gdb to a run that is active, or held after a failure
	@ci/install-deps gdb
	@$(STAMPEDE) gdb

postmortem: ## open the bundle of a failure in gdb
	@ci/install-deps gdb
	@$(STAMPEDE) postmortem $(or $(BUNDLE),$(BUILD_DIR)/last/bundle)

prove: ## prove rules: check every state of small arenas, and models of the locks (a minute or two)
	@ci/install-deps prove
	@ci/prove

test: ## run all tests: hosted, in QEMU, and those of the tools (under ten minutes)
	@ci/install-deps test
	@+$(MAKE) --no-print-directory -j2 build
	@+$(MAKE) --no-print-directory -j2 -f tests/tests.mk hosted-tests hosted-subjects sound-hosted
	@+$(MAKE) --no-print-directory -j2 kernel EXPLORE=1
	@$(PYTHON) -m pytest -q -p no:cacheprovider -n $(TEST_JOBS) --dist loadfile tests

defects: ## plant each bug of tests/defects in a copy of the tree, and check that it is found
	@ci/install-deps test
	@ci/defects $(DEFECTS)

mutants: ## change the allocators and the lock in a thousand places; a test must notice each change (an hour)
	@ci/install-deps test
	@ci/mutate $(if $(filter --detectors --files --only --sample,$(MUTATE_ARGS)),,--markdown docs/MUTANTS.md) $(MUTATE_ARGS)

soak: ## run for HOURS, each run with another configuration; none may fail; resumes where it ended
	@ci/install-deps run $(if $(USER_CXX),cxx) $(if $(USER_RUST),rust)
	@+$(MAKE) --no-print-directory build
	$(if $(ALLOCATOR_NAME),$(error make soak tests the first allocator of the files: give it the files of one))
	@$(call choose,$(KERNEL)) ci/soak --kernel $(KERNEL) --hours $(HOURS) $(call empty_if,$(SEED),--seed) $(if $(KEEP_GOING),--keep-going) \
	    $(if $(USER_FILES),--own --folder $(OUT)/soak)

check: ## check formatting, headers, dependencies of folders; static analysis
	@ci/install-deps check
	@ci/check

clean: ## remove everything that was built
	$(if $(filter build,$(BUILD_DIR)),,@test -f '$(BUILD_DIR)/.stampede' || { echo '$(BUILD_DIR): no build of this Makefile'; exit 1; })
	rm -rf '$(BUILD_DIR)'
