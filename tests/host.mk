# The hosted tests: the kernel's sources as ordinary programs, under sanitizers.
#
# Included by the top Makefile, and complete by itself: make -f tests/host.mk hosted-tests
# Targets: hosted-tests (build all), hosted-list (print the unit tests' programs, one a line), hosted-subjects (the
# hosted program with each wrong allocator of tests/subjects), hosted-models (with those of tests/selftest),
# hosted-explorers (the explorer likewise), hosted-recipe (for ci/mutate).

.PHONY: hosted-tests hosted-list hosted-subjects hosted-models hosted-explorers hosted-recipe
hosted-tests:

HOST_CC ?= gcc
HOST_BUILD := $(or $(BUILD_DIR),$(STAMPEDE_BUILD),build)/host

HOST_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -pthread -D_GNU_SOURCE \
	-Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-DSTAMPEDE_VERSION='"hosted"' -Itests/host/include -I. -Iarch/x86_64/include

# The ways to build a test: memory and undefined behaviour, the same with a small MAX_ORDER, so that
# a small arena holds several of the largest blocks, and data races.
HOST_FLAGS_asan := -fsanitize=address,undefined,bounds-strict -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=16
HOST_FLAGS_asan10 := -fsanitize=address,undefined,bounds-strict -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=10
HOST_FLAGS_tsan := -fsanitize=thread -DSTAMPEDE_MAX_ORDER=16
HOST_FLAGS_plain := -O2 -DSTAMPEDE_MAX_ORDER=16

# What each test is made of, beside tests/unit/NAME.c.
HOST_COMMON := tests/host/host.c tests/host/fail.c tests/host/unit.c lib/printf.c lib/prng.c lib/rules.c lib/sinks.c
HOST_TEST_frame :=
HOST_TEST_broken :=
HOST_TEST_printf := lib/printf.c
HOST_TEST_string := lib/string.c arch/x86_64/memory.c
HOST_TEST_crc32 := lib/crc32.c
HOST_TEST_prng :=
HOST_TEST_sinks :=
HOST_TEST_symbols := lib/symbols.c
HOST_TEST_bitmap := lib/bitmap.c
HOST_TEST_memmap := mm/memmap.c
HOST_TEST_page := tests/unit/page_kernel.c
HOST_TEST_page_allocator := mm/page_allocator.c lib/printf.c
HOST_TEST_bootinfo := boot/bootinfo.c mm/memmap.c lib/printf.c
HOST_TEST_acpi := arch/x86_64/acpi.c lib/printf.c
HOST_TEST_totals := stress/totals.c lib/printf.c
HOST_TEST_content := stress/content.c
HOST_TEST_options := stress/options.c lib/printf.c
HOST_BUDDIES := mm/buddy.c mm/buddy_percpu.c mm/buddy_scan.c smp/spinlock.c lib/bitmap.c lib/printf.c
HOST_TEST_buddy := $(HOST_BUDDIES)
HOST_TEST_buddy_lists := $(HOST_BUDDIES)
HOST_TEST_buddy_percpu := $(HOST_BUDDIES)
HOST_TEST_buddy_scan := $(HOST_BUDDIES)
HOST_TEST_walker := mm/walker.c $(HOST_BUDDIES)
HOST_TEST_steps := stress/steps.c stress/vectors.c mm/page_allocator.c lib/printf.c
HOST_TEST_buddy_threads := $(HOST_BUDDIES)
HOST_TEST_spinlock := smp/spinlock.c
HOST_TEST_barrier := smp/barrier.c
HOST_TEST_bitmap_threads := lib/bitmap.c
HOST_TEST_explore_program := stress/explore/program.c lib/printf.c
HOST_TEST_explore_schedule := stress/explore/schedule.c stress/explore/program.c lib/printf.c
HOST_TEST_explore_race := stress/explore/race.c

# VARIANT/NAME of every test to run; "broken" is run by tests/test_hosted.py to see it fail.
HOST_TESTS := \
	asan/frame asan/printf asan/string asan/crc32 asan/prng asan/sinks asan/symbols asan/bitmap asan/memmap asan/page \
	asan/page_allocator asan/bootinfo asan/acpi asan/content asan/totals asan/options asan/buddy asan/buddy_lists \
	asan/buddy_percpu asan/buddy_scan asan/walker asan/spinlock \
	asan10/buddy asan10/walker asan10/options \
	asan/explore_program asan/explore_schedule asan/explore_race asan/steps \
	tsan/buddy_threads tsan/spinlock tsan/barrier tsan/bitmap_threads
HOST_BROKEN := asan/broken

# The string functions get names of their own, beside the C library's.
HOST_RENAMED := memset memcpy memmove memcmp strlen strcmp strncmp strchr
$(HOST_BUILD)/%/lib/string.o $(HOST_BUILD)/%/arch/x86_64/memory.o: HOST_CFLAGS += -fno-builtin $(foreach name,$(HOST_RENAMED),-D$(name)=own_$(name))

host_objects = $(patsubst %.c,$(HOST_BUILD)/$(1)/%.o,tests/unit/$(2).c $(HOST_COMMON) $(HOST_TEST_$(2)))

define host_rules
$(HOST_BUILD)/$(1)/$(2): $(call host_objects,$(1),$(2))
	@echo "  LD  $$@"
	@$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -o $$@ $$^
HOST_OBJECTS += $(call host_objects,$(1),$(2))
endef

define host_compile
$(HOST_BUILD)/$(1)/%.o: %.c tests/host.mk
	@mkdir -p $$(@D)
	@echo "  CC  $$@"
	@$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef

HOST_OBJECTS :=
$(foreach variant,asan asan10 tsan plain,$(eval $(call host_compile,$(variant))))
$(foreach test,$(HOST_TESTS) $(HOST_BROKEN),\
	$(eval $(call host_rules,$(patsubst %/,%,$(dir $(test))),$(notdir $(test)))))

# The whole stress as a program. As in the kernel it is linked twice, the names of functions being known once it is
# linked; and at fixed addresses, so that those that are printed can be looked up.
HOST_STRESS := $(wildcard stress/*.c mm/*.c tests/host/*.c) $(addprefix lib/,bitmap.c crc32.c printf.c prng.c rules.c sinks.c symbols.c) \
	smp/barrier.c smp/spinlock.c arch/x86_64/backtrace.c
HOST_STRESS := $(filter-out tests/host/fail.c tests/host/unit.c tests/host/explore_main.c,$(HOST_STRESS))
HOST_SUBJECTS := $(basename $(notdir $(wildcard tests/subjects/*.c)))

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
hosted-tests: $(foreach variant,asan tsan plain,$(HOST_BUILD)/$(variant)/stampede-host)

# The subject comes first, and so is the default.
$(HOST_BUILD)/plain/subjects/%: $(HOST_BUILD)/plain/tests/subjects/%.o $(call host_stress_objects,plain) \
		$(HOST_BUILD)/plain/stress/names0.o
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(HOST_CC) $(HOST_CFLAGS) $(HOST_FLAGS_plain) -no-pie -o $@ $^

HOST_OBJECTS += $(HOST_SUBJECTS:%=$(HOST_BUILD)/plain/tests/subjects/%.o)
hosted-subjects: $(addprefix $(HOST_BUILD)/plain/subjects/,$(HOST_SUBJECTS))
.SECONDARY: $(HOST_SUBJECTS:%=$(HOST_BUILD)/plain/tests/subjects/%.o)

# Small allocators, sound and wrong, that the selftest is tried with: one program has all of them.
define host_models_rules
$(HOST_BUILD)/$(1)/selftest/models: $(HOST_BUILD)/$(1)/tests/selftest/models.o $(call host_stress_objects,$(1)) \
		$(HOST_BUILD)/$(1)/stress/names0.o
	@mkdir -p $$(@D)
	@echo "  LD  $$@"
	@$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -no-pie -o $$@ $$^
HOST_OBJECTS += $(HOST_BUILD)/$(1)/tests/selftest/models.o
endef
$(foreach variant,asan plain,$(eval $(call host_models_rules,$(variant))))
hosted-models: $(foreach variant,asan plain,$(HOST_BUILD)/$(variant)/selftest/models)

# The explorer as a program. What it watches is compiled as for the kernel, so that the same accesses are seen in both
# and a seed is the same schedule there and here.
HOST_EXPLORE := $(wildcard stress/explore/*.c) tests/host/explore_main.c tests/host/host.c tests/host/program.c \
	tests/host/signals.c arch/x86_64/fiber.c arch/x86_64/backtrace.c mm/page_allocator.c mm/walker.c \
	$(addprefix stress/,advice.c arena.c arena_rest.c arena_setup.c call.c census.c content.c explain.c failure.c options.c report.c run_end.c sinks.c statics.c tick.c traps.c watch.c) \
	$(addprefix lib/,benign.c bitmap.c crc32.c printf.c prng.c rules.c sinks.c symbols.c)
HOST_WATCHED := mm/buddy mm/buddy_percpu mm/buddy_scan smp/spinlock
HOST_WATCHED_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -ffreestanding -fno-pie -fno-pic -fno-stack-protector \
	-fno-omit-frame-pointer -fno-strict-aliasing -mno-red-zone -mgeneral-regs-only -mno-sse -mcmodel=small \
	-fsanitize=thread $(if $(findstring clang,$(HOST_CC)),-mllvm -tsan-distinguish-volatile=1,--param=tsan-distinguish-volatile=1) \
	$(foreach name,memset memcpy memmove,-D$(name)=explore_$(name)) \
	-Istress/explore/include -Itests/host/explore -Itests/host/include -I. -Iarch/x86_64/include -DSTAMPEDE_MAX_ORDER=16

$(HOST_BUILD)/explore/watched/%.o: %.c tests/host.mk
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
$(foreach subject,$(HOST_SUBJECTS),$(eval $(call host_explore_rules,subjects/$(subject),\
	$(HOST_BUILD)/explore/watched/tests/subjects/$(subject).o $(HOST_WATCHED_OBJECTS) $(HOST_EXPLORE_OBJECTS))))
HOST_OBJECTS += $(HOST_SUBJECTS:%=$(HOST_BUILD)/explore/watched/tests/subjects/%.o)
hosted-explorers: $(addprefix $(HOST_BUILD)/explore/subjects/,$(HOST_SUBJECTS))
.SECONDARY: $(HOST_SUBJECTS:%=$(HOST_BUILD)/explore/watched/tests/subjects/%.o)
hosted-tests: $(HOST_BUILD)/explore/stampede-explore

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
# The search through all states (tests/prove): the allocators' own sources, with caches so small that a small arena
# fills them. A mutant, a copy of one of the sources with a defect put in, has a program of its own.
PROVE := $(HOST_BUILD)/prove
HOST_FLAGS_prove := -O2 -DSTAMPEDE_MAX_ORDER=10
$(PROVE)/%: HOST_CFLAGS := -I$(PROVE)/scaled $(HOST_CFLAGS)
PROVE_SUBJECTS := buddy buddy_percpu buddy_scan
PROVE_OBJECTS := $(patsubst %.c,$(PROVE)/%.o,$(wildcard tests/prove/*.c) $(PROVE_SUBJECTS:%=mm/%.c) mm/walker.c \
	mm/page_allocator.c lib/bitmap.c lib/printf.c lib/prng.c lib/rules.c lib/sinks.c smp/spinlock.c)
HOST_OBJECTS += $(PROVE_OBJECTS)

$(PROVE)/scaled/mm/buddy_percpu.h: mm/buddy_percpu.h tests/host.mk
	@mkdir -p $(@D)
	@sed 's/CACHES = 256,/CACHES = 2,/; s/CACHE_PAGES = 64,/CACHE_PAGES = 4,/; s/CACHE_BATCH = 32,/CACHE_BATCH = 2,/' $< >$@

$(eval $(call host_compile,prove))
$(PROVE_OBJECTS): $(PROVE)/scaled/mm/buddy_percpu.h

$(PROVE)/check: $(PROVE_OBJECTS)
	@echo "  LD  $@"
	@$(HOST_CC) $(HOST_CFLAGS) $(HOST_FLAGS_prove) -o $@ $^

define prove_mutant
$(PROVE)/mutants/$(1)/%: $(PROVE)/mutants/$(1)/%.c $(filter-out $(PROVE)/mm/$(1).o,$(PROVE_OBJECTS))
	@$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_prove) -o $$@ $$^
endef
$(foreach subject,$(PROVE_SUBJECTS),$(eval $(call prove_mutant,$(subject))))

hosted-tests: $(addprefix $(HOST_BUILD)/,$(HOST_TESTS) $(HOST_BROKEN))

hosted-list:
	@printf '%s\n' $(addprefix $(HOST_BUILD)/,$(HOST_TESTS))

include tests/sound/sound.mk

-include $(patsubst %.o,%.d,$(sort $(HOST_OBJECTS)))

# For who compiles one object anew and links it with the others (ci/mutate): a line each for how a variant is compiled
# and linked, and for what a program is made of. $(info) leaves the shell's quotes as they are.
HOST_RELINKED := buddy buddy_lists buddy_percpu buddy_scan buddy_threads page page_allocator spinlock walker
hosted-recipe:
	$(foreach variant,asan asan10 tsan plain,\
	    $(info compile $(variant) $(HOST_CC) $(HOST_CFLAGS) $(HOST_FLAGS_$(variant)))\
	    $(info link $(variant) $(HOST_CC) $(HOST_CFLAGS) $(HOST_FLAGS_$(variant)) -no-pie)\
	    $(info program $(variant)/stampede-host $(call host_stress_objects,$(variant)) $(HOST_BUILD)/$(variant)/stress/names0.o)\
	    $(foreach test,$(HOST_RELINKED),$(info program $(variant)/$(test) $(call host_objects,$(variant),$(test)))))
	$(info compile explore $(HOST_CC) $(HOST_WATCHED_CFLAGS))
	$(info link explore $(HOST_CC) -pthread -no-pie -Wl,-u,etext)
	$(info program explore/stampede-explore $(HOST_WATCHED_OBJECTS) $(HOST_EXPLORE_OBJECTS) \
	    $(HOST_BUILD)/plain/stress/names0.o)
	@:
