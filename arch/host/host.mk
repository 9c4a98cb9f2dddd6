# The kernel's sources as ordinary programs of this host (arch/host): the stress, the explorer, the prover.
#
# Included by the top Makefile, and complete by itself: make -f arch/host/host.mk hosted
# Targets: hosted (the stress and the explorer), build/host/VARIANT/stampede-host, build/host/explore/stampede-explore,
# build/host/explore/user/NAME HOST_ALLOCATOR=NAME.c, build/host/prove/check.

.PHONY: hosted
hosted:

HOST_CC ?= gcc
HOST_BUILD := $(or $(BUILD_DIR),$(STAMPEDE_BUILD),build)/host

HOST_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -pthread -D_GNU_SOURCE \
	-Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-DSTAMPEDE_VERSION='"hosted"' -Iarch/host/include -I. -Iarch/x86_64/include

# The ways to build a program: memory and undefined behaviour, the same with a small MAX_ORDER, so that
# a small arena holds several of the largest blocks, and data races.
HOST_FLAGS_asan := -fsanitize=address,undefined,bounds-strict -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=16
HOST_FLAGS_asan10 := -fsanitize=address,undefined,bounds-strict -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=10
HOST_FLAGS_tsan := -fsanitize=thread -DSTAMPEDE_MAX_ORDER=16
HOST_FLAGS_plain := -O2 -DSTAMPEDE_MAX_ORDER=16

define host_compile
$(HOST_BUILD)/$(1)/%.o: %.c arch/host/host.mk
	@mkdir -p $$(@D)
	@echo "  CC  $$@"
	@$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef

HOST_OBJECTS :=
$(foreach variant,asan asan10 tsan plain,$(eval $(call host_compile,$(variant))))

# The whole stress as a program. As in the kernel it is linked twice, the names of functions being known once it is
# linked; and at fixed addresses, so that those that are printed can be looked up.
HOST_STRESS := $(wildcard stress/*.c mm/*.c arch/host/*.c) boot/host/program.c boot/host/stress_main.c \
	$(addprefix lib/,bitmap.c crc32.c printf.c prng.c rules.c symbols.c) smp/barrier.c smp/spinlock.c arch/x86_64/backtrace.c

host_stress_objects = $(patsubst %.c,$(HOST_BUILD)/$(1)/%.o,$(HOST_STRESS)) $(HOST_BUILD)/escape.o

$(HOST_BUILD)/escape.o: arch/x86_64/escape.S
	@mkdir -p $(@D)
	@$(HOST_CC) -c -o $@ $<

define host_stress_rules
$(HOST_BUILD)/$(1)/stress/unnamed: $(call host_stress_objects,$(1)) $(HOST_BUILD)/$(1)/stress/names0.o
	@$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -no-pie -Wl,-u,etext -o $$@ $$^

$(HOST_BUILD)/$(1)/stampede-host: $(call host_stress_objects,$(1)) $(HOST_BUILD)/$(1)/stress/names.o
	@echo "  LD  $$@"
	@$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -no-pie -Wl,-u,etext -o $$@ $$^

$(HOST_BUILD)/$(1)/stress/names0.S: ci/symbols
	@mkdir -p $$(@D)
	@/usr/bin/python3 ci/symbols </dev/null >$$@

$(HOST_BUILD)/$(1)/stress/names.S: $(HOST_BUILD)/$(1)/stress/unnamed ci/symbols
	@nm --defined-only $$< | sed 's/ etext$$$$/ text_end/' | /usr/bin/python3 ci/symbols >$$@

$(HOST_BUILD)/$(1)/stress/names.o $(HOST_BUILD)/$(1)/stress/names0.o: %.o: %.S
	@$$(HOST_CC) -c -o $$@ $$<
HOST_OBJECTS += $(call host_stress_objects,$(1))
endef

$(foreach variant,asan tsan plain,$(eval $(call host_stress_rules,$(variant))))
hosted: $(HOST_BUILD)/plain/stampede-host

# The explorer as a program. What it watches is compiled as for the kernel, so that the same accesses are seen in both
# and a seed is the same schedule there and here.
HOST_EXPLORE := $(wildcard stress/explore/*.c) boot/host/explore_main.c boot/host/program.c arch/host/host.c \
	arch/host/signals.c arch/x86_64/fiber.c arch/x86_64/backtrace.c mm/page_allocator.c mm/walker.c \
	$(addprefix stress/,advice.c arena.c arena_rest.c arena_setup.c call.c census.c content.c explain.c failure.c options.c report.c statics.c tick.c traps.c watch.c) \
	$(addprefix lib/,bitmap.c crc32.c printf.c prng.c rules.c symbols.c)
HOST_WATCHED := mm/buddy mm/buddy_percpu mm/buddy_scan smp/spinlock
HOST_WATCHED_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -ffreestanding -fno-pie -fno-pic -fno-stack-protector \
	-fno-omit-frame-pointer -fno-strict-aliasing -mno-red-zone -mgeneral-regs-only -mno-sse -mcmodel=small \
	-fsanitize=thread $(if $(findstring clang,$(HOST_CC)),-mllvm -tsan-distinguish-volatile=1,--param=tsan-distinguish-volatile=1) \
	$(foreach name,memset memcpy memmove,-D$(name)=explore_$(name)) \
	-Istress/explore/include -Iarch/host/include-in-place -Iarch/host/include -I. -Iarch/x86_64/include -DSTAMPEDE_MAX_ORDER=16

$(HOST_BUILD)/explore/watched/%.o: %.c arch/host/host.mk
	@mkdir -p $(@D)
	@echo "  CC  $@"
	@$(HOST_CC) $(HOST_WATCHED_CFLAGS) -MMD -MP -c -o $@ $<

$(HOST_BUILD)/explore/fiber_switch.o: arch/x86_64/fiber_switch.S
	@mkdir -p $(@D)
	@$(HOST_CC) -c -o $@ $<

HOST_EXPLORE_OBJECTS := $(patsubst %.c,$(HOST_BUILD)/plain/%.o,$(HOST_EXPLORE)) $(HOST_BUILD)/explore/fiber_switch.o
HOST_WATCHED_OBJECTS := $(HOST_WATCHED:%=$(HOST_BUILD)/explore/watched/%.o)
HOST_OBJECTS += $(HOST_EXPLORE_OBJECTS) $(HOST_WATCHED_OBJECTS)

# host_explore_rules PROGRAM OBJECTS: linked twice for the names of functions, as all others.
define host_explore_rules
$(HOST_BUILD)/explore/$(1)-unnamed: $(2) $(HOST_BUILD)/plain/stress/names0.o
	@mkdir -p $$(@D)
	@$$(HOST_CC) -pthread -no-pie -Wl,-u,etext -o $$@ $$^

$(HOST_BUILD)/explore/$(1)-names.S: $(HOST_BUILD)/explore/$(1)-unnamed ci/symbols
	@nm --defined-only $$< | sed 's/ etext$$$$/ text_end/' | /usr/bin/python3 ci/symbols >$$@

$(HOST_BUILD)/explore/$(1)-names.o: $(HOST_BUILD)/explore/$(1)-names.S
	@$$(HOST_CC) -c -o $$@ $$<

$(HOST_BUILD)/explore/$(1): $(2) $(HOST_BUILD)/explore/$(1)-names.o
	@echo "  LD  $$@"
	@$$(HOST_CC) -pthread -no-pie -Wl,-u,etext -o $$@ $$^
endef

$(eval $(call host_explore_rules,stampede-explore,$(HOST_WATCHED_OBJECTS) $(HOST_EXPLORE_OBJECTS)))
hosted: $(HOST_BUILD)/explore/stampede-explore

# HOST_ALLOCATOR=mine.c: build/host/explore/user/mine; several files need HOST_USER, the program's name, and
# HOST_USER_DIR, the folder of their settings. As for the kernel they become one object. Its data are put into a section
# apart, so that each trial begins with them as they are at the start; and it does not call this host's C library.
ifneq ($(HOST_ALLOCATOR),)
include mm/adapters/registered.mk
HOST_USER ?= $(basename $(notdir $(HOST_ALLOCATOR)))
HOST_USER_DIR ?= $(dir $(firstword $(HOST_ALLOCATOR)))
USER_DIR := $(HOST_USER_DIR)
include mm/adapters/settings.mk
HOST_USER_FOLDER := $(HOST_BUILD)/explore/user-objects/$(HOST_USER)
host_user_object = $(HOST_USER_FOLDER)/$(if $(filter $(abspath $(HOST_USER_DIR)),$(abspath $(dir $(1)))),$(notdir $(1)),$(subst /,+,$(abspath $(1)))).o
HOST_USER_COMPILED := $(foreach file,$(HOST_ALLOCATOR),$(call host_user_object,$(file)))
HOST_USER_OBJECTS := $(addprefix $(HOST_USER_FOLDER)/,allocator.o library.o)

define host_user_rule
$(call host_user_object,$(1)): $(1) FORCE
	@mkdir -p $$(@D)
	@echo "  CC  $$<"
	@$$(user_extract)
	@$$(HOST_CC) $$(filter-out -Werror,$$(HOST_WATCHED_CFLAGS)) $$(user_flags_c) $$(user_extracted) -c -o $$@ $$<
endef
$(foreach file,$(HOST_ALLOCATOR),$(eval $(call host_user_rule,$(file))))

$(HOST_USER_FOLDER)/allocator.o: $(HOST_USER_COMPILED) mm/adapters/hosted-names
	@ld -r -d -o $@ $(HOST_USER_COMPILED)
	@objcopy --redefine-syms=mm/adapters/hosted-names $@
	@objcopy -w --localize-symbol='*' --set-section-flags .bss=alloc,load,data,contents --rename-section .bss=user_data \
	    --rename-section .data=user_data $@
	@ci/user-objects mark $@

$(HOST_USER_FOLDER)/library.o: mm/adapters/library.c mm/adapters/hosted-names
	@mkdir -p $(@D)
	@$(HOST_CC) $(filter-out -fsanitize=% --param=% -Dmem%,$(HOST_WATCHED_CFLAGS)) $(USER_LIBRARY) -c -o $@ $<
	@objcopy --redefine-syms=mm/adapters/hosted-names $@

$(HOST_USER_FOLDER)/registered: $(HOST_USER_FOLDER)/allocator.o
	@$(call registered,$^,$(HOST_ALLOCATOR))
.PHONY: FORCE $(HOST_USER_FOLDER)/registered
$(HOST_BUILD)/explore/user/$(HOST_USER)-unnamed: | $(HOST_USER_FOLDER)/registered
$(eval $(call host_explore_rules,user/$(HOST_USER),$(HOST_USER_OBJECTS) $(HOST_WATCHED_OBJECTS) $(HOST_EXPLORE_OBJECTS)))
endif

include stress/prove/prove.mk

-include $(patsubst %.o,%.d,$(sort $(HOST_OBJECTS)))
