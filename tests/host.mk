# The hosted tests: the kernel's sources as ordinary programs, under sanitizers.
#
# Included by the top Makefile, and complete by itself: make -f tests/host.mk hosted-tests
# Targets: hosted-tests (build all), hosted-list (print the unit tests' programs, one a line), hosted-subjects (the
# hosted program with each wrong allocator of tests/subjects).

.PHONY: hosted-tests hosted-list hosted-subjects
hosted-tests:

HOST_CC ?= gcc
HOST_BUILD := build/host

HOST_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -pthread -D_GNU_SOURCE \
	-Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-DSTAMPEDE_VERSION='"hosted"' -Itests/host/include -I. -Iarch/x86_64/include

# The ways to build a test: memory and undefined behaviour, the same with a small MAX_ORDER, so that
# a small arena holds several of the largest blocks, and data races.
HOST_FLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=16
HOST_FLAGS_asan10 := -fsanitize=address,undefined -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=10
HOST_FLAGS_tsan := -fsanitize=thread -DSTAMPEDE_MAX_ORDER=16
HOST_FLAGS_plain := -O2 -DSTAMPEDE_MAX_ORDER=16

# What each test is made of, beside tests/unit/NAME.c.
HOST_COMMON := tests/host/host.c tests/host/fail.c tests/host/unit.c lib/prng.c
HOST_TEST_frame :=
HOST_TEST_broken :=
HOST_TEST_printf := lib/printf.c
HOST_TEST_string := lib/string.c
HOST_TEST_crc32 := lib/crc32.c
HOST_TEST_prng :=
HOST_TEST_bitmap := lib/bitmap.c
HOST_TEST_memmap := mm/memmap.c
HOST_TEST_page := tests/unit/page_kernel.c
HOST_TEST_page_allocator := mm/page_allocator.c
HOST_TEST_bootinfo := boot/bootinfo.c mm/memmap.c lib/printf.c
HOST_TEST_acpi := arch/x86_64/acpi.c lib/printf.c
HOST_TEST_content := stress/content.c
HOST_TEST_options := stress/options.c lib/printf.c
HOST_BUDDIES := mm/buddy.c mm/buddy_percpu.c mm/buddy_scan.c smp/spinlock.c lib/bitmap.c lib/printf.c
HOST_TEST_buddy := $(HOST_BUDDIES)
HOST_TEST_buddy_lists := $(HOST_BUDDIES)
HOST_TEST_buddy_percpu := $(HOST_BUDDIES)
HOST_TEST_buddy_scan := $(HOST_BUDDIES)
HOST_TEST_walker := mm/walker.c $(HOST_BUDDIES)
HOST_TEST_buddy_threads := $(HOST_BUDDIES)
HOST_TEST_spinlock := smp/spinlock.c
HOST_TEST_barrier := smp/barrier.c
HOST_TEST_bitmap_threads := lib/bitmap.c

# VARIANT/NAME of every test to run; "broken" is run by tests/test_hosted.py to see it fail.
HOST_TESTS := \
	asan/frame asan/printf asan/string asan/crc32 asan/prng asan/bitmap asan/memmap asan/page \
	asan/page_allocator asan/bootinfo asan/acpi asan/content asan/options asan/buddy asan/buddy_lists \
	asan/buddy_percpu asan/buddy_scan asan/walker asan/spinlock \
	asan10/buddy asan10/walker asan10/options \
	tsan/buddy_threads tsan/spinlock tsan/barrier tsan/bitmap_threads
HOST_BROKEN := asan/broken

# lib/string.c gets names of its own, beside the C library's.
HOST_RENAMED := memset memcpy memmove memcmp strlen strcmp strncmp strchr
$(HOST_BUILD)/%/lib/string.o: HOST_CFLAGS += -fno-builtin $(foreach name,$(HOST_RENAMED),-D$(name)=own_$(name))

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
HOST_STRESS := $(wildcard stress/*.c mm/*.c tests/host/*.c) $(addprefix lib/,bitmap.c crc32.c printf.c prng.c symbols.c) \
	smp/barrier.c smp/spinlock.c arch/x86_64/backtrace.c
HOST_STRESS := $(filter-out tests/host/fail.c tests/host/unit.c,$(HOST_STRESS))
HOST_SUBJECTS := $(basename $(notdir $(wildcard tests/subjects/*.c)))

host_stress_objects = $(patsubst %.c,$(HOST_BUILD)/$(1)/%.o,$(HOST_STRESS))

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

hosted-tests: $(addprefix $(HOST_BUILD)/,$(HOST_TESTS) $(HOST_BROKEN))

hosted-list:
	@printf '%s\n' $(addprefix $(HOST_BUILD)/,$(HOST_TESTS))

-include $(patsubst %.o,%.d,$(sort $(HOST_OBJECTS)))
