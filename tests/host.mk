# The hosted tests: the kernel's sources as ordinary programs, under sanitizers.
#
# Included by the top Makefile, and complete by itself: make -f tests/host.mk hosted-tests
# Targets: hosted-tests (build all), hosted-list (print the programs, one a line).

.PHONY: hosted-tests hosted-list
hosted-tests:

HOST_CC ?= gcc
HOST_BUILD := build/host

HOST_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -pthread -D_GNU_SOURCE \
	-Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-Itests/host/include -I. -Iarch/x86_64/include

# The ways to build a test: memory and undefined behaviour, the same with a small MAX_ORDER, so that
# a small arena holds several of the largest blocks, and data races.
HOST_FLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=16
HOST_FLAGS_asan10 := -fsanitize=address,undefined -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=10
HOST_FLAGS_tsan := -fsanitize=thread -DSTAMPEDE_MAX_ORDER=16

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
HOST_TEST_options := stress/options.c lib/printf.c
HOST_TEST_buddy := mm/buddy.c smp/spinlock.c lib/printf.c
HOST_TEST_walker := mm/walker.c mm/buddy.c smp/spinlock.c lib/bitmap.c lib/printf.c
HOST_TEST_buddy_threads := mm/buddy.c smp/spinlock.c lib/printf.c
HOST_TEST_spinlock := smp/spinlock.c
HOST_TEST_barrier := smp/barrier.c
HOST_TEST_bitmap_threads := lib/bitmap.c

# VARIANT/NAME of every test to run; "broken" is run by tests/test_hosted.py to see it fail.
HOST_TESTS := \
	asan/frame asan/printf asan/string asan/crc32 asan/prng asan/bitmap asan/memmap asan/page \
	asan/page_allocator asan/bootinfo asan/acpi asan/options asan/buddy asan/walker asan/spinlock \
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
$(foreach variant,asan asan10 tsan,$(eval $(call host_compile,$(variant))))
$(foreach test,$(HOST_TESTS) $(HOST_BROKEN),\
	$(eval $(call host_rules,$(patsubst %/,%,$(dir $(test))),$(notdir $(test)))))

hosted-tests: $(addprefix $(HOST_BUILD)/,$(HOST_TESTS) $(HOST_BROKEN))

hosted-list:
	@printf '%s\n' $(addprefix $(HOST_BUILD)/,$(HOST_TESTS))

-include $(patsubst %.o,%.d,$(sort $(HOST_OBJECTS)))
