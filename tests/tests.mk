# The hosted tests: unit tests, and the hosted programs with the allocators of tests/, under
# sanitizers.
#
# Works without the Makefile: make -f tests/tests.mk hosted-tests
# Targets:
#   hosted-tests      build the unit tests and the hosted programs
#   hosted-list       print the unit tests' programs, one per line
#   hosted-subjects   the hosted program with each wrong allocator of tests/subjects
#   hosted-models     the hosted program with the allocators of tests/selftest
#   hosted-explorers  the explorer with each wrong allocator of tests/subjects
#   hosted-recipe     print how programs are compiled and linked, for ci/mutate

.PHONY: hosted-tests hosted-list hosted-subjects hosted-models hosted-explorers hosted-recipe
hosted-tests:

include arch/host/host.mk
TEST_OBJECTS :=

# The sources of each test, besides tests/unit/NAME.c.
HOST_COMMON := arch/host/host.c tests/unit/fail.c tests/unit/unit.c lib/printf.c lib/prng.c lib/rules.c lib/sinks.c
HOST_TEST_frame :=
HOST_TEST_broken :=
HOST_TEST_printf :=
HOST_TEST_string := lib/string.c arch/x86_64/memory.c
HOST_TEST_crc32 := lib/crc32.c
HOST_TEST_prng :=
HOST_TEST_sinks :=
HOST_TEST_symbols := lib/symbols.c
HOST_TEST_bitmap := lib/bitmap.c
HOST_TEST_memmap := mm/memmap.c
HOST_TEST_page := tests/unit/page_kernel.c
HOST_TEST_page_allocator := mm/page_allocator.c
HOST_TEST_bootinfo := boot/bootinfo.c mm/memmap.c
HOST_TEST_acpi := arch/x86_64/acpi.c
HOST_TEST_totals := stress/totals.c
HOST_TEST_content := stress/content.c
HOST_TEST_options := lib/options.c stress/options.c
HOST_BUDDIES := mm/buddy.c mm/buddy_percpu.c mm/buddy_scan.c smp/spinlock.c lib/bitmap.c
HOST_TEST_buddy := $(HOST_BUDDIES)
HOST_TEST_buddy_lists := $(HOST_BUDDIES)
HOST_TEST_buddy_percpu := $(HOST_BUDDIES)
HOST_TEST_buddy_scan := $(HOST_BUDDIES)
HOST_TEST_walker := mm/walker.c $(HOST_BUDDIES)
HOST_TEST_steps := stress/steps.c stress/vectors.c mm/page_allocator.c
HOST_TEST_buddy_threads := $(HOST_BUDDIES)
HOST_TEST_spinlock := smp/spinlock.c
HOST_TEST_barrier := smp/barrier.c
HOST_TEST_bitmap_threads := lib/bitmap.c
HOST_TEST_explore_program := stress/explore/program.c
HOST_TEST_explore_schedule := stress/explore/schedule.c stress/explore/program.c
HOST_TEST_explore_race := stress/explore/race.c

# VARIANT/NAME of every test to run. tests/test_hosted.py runs "broken", which must fail.
HOST_TESTS := \
	asan/frame asan/printf asan/string asan/crc32 asan/prng asan/sinks asan/symbols asan/bitmap asan/memmap asan/page \
	asan/page_allocator asan/bootinfo asan/acpi asan/content asan/totals asan/options asan/buddy asan/buddy_lists \
	asan/buddy_percpu asan/buddy_scan asan/walker asan/spinlock \
	asan10/buddy asan10/walker asan10/options \
	asan/explore_program asan/explore_schedule asan/explore_race asan/steps \
	tsan/buddy_threads tsan/spinlock tsan/barrier tsan/bitmap_threads
HOST_BROKEN := asan/broken

# Our string functions get other names, so that they do not clash with the C library's.
HOST_RENAMED := memset memcpy memmove memcmp strlen strcmp strncmp strchr
$(HOST_BUILD)/%/lib/string.o $(HOST_BUILD)/%/arch/x86_64/memory.o: HOST_CFLAGS += -fno-builtin $(foreach name,$(HOST_RENAMED),-D$(name)=own_$(name))

unit_objects = $(call host_objects,$(1),tests/unit/$(2).c $(HOST_COMMON) $(HOST_TEST_$(2)))

define host_rules
$(HOST_BUILD)/$(1)/$(2): $(call unit_objects,$(1),$(2))
	$$(SAY) LD $$@
	$$(Q)$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -o $$@ $$^
TEST_OBJECTS += $(call unit_objects,$(1),$(2))
endef

$(foreach test,$(HOST_TESTS) $(HOST_BROKEN),\
	$(eval $(call host_rules,$(patsubst %/,%,$(dir $(test))),$(notdir $(test)))))

hosted-tests: $(HOST_BUILD)/explore/stampede-explore $(foreach variant,asan tsan plain,$(HOST_BUILD)/$(variant)/stampede-host)

HOST_SUBJECTS := $(basename $(notdir $(wildcard tests/subjects/*.c)))

# The first allocator is the default, so the subject comes first.
$(HOST_BUILD)/plain/subjects/%: $(HOST_BUILD)/plain/tests/subjects/%.o $(call host_stress_objects,plain) \
		$(HOST_NO_NAMES)
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(host_link_plain)

TEST_OBJECTS += $(HOST_SUBJECTS:%=$(HOST_BUILD)/plain/tests/subjects/%.o)
hosted-subjects: $(addprefix $(HOST_BUILD)/plain/subjects/,$(HOST_SUBJECTS))
.SECONDARY: $(HOST_SUBJECTS:%=$(HOST_BUILD)/plain/tests/subjects/%.o)

# Small allocators, sound and wrong, that test the selftest. One program contains all of them.
define host_models_rules
$(HOST_BUILD)/$(1)/selftest/models: $(HOST_BUILD)/$(1)/tests/selftest/models.o $(call host_stress_objects,$(1)) \
		$(HOST_NO_NAMES)
	@mkdir -p $$(@D)
	$$(SAY) LD $$@
	$$(Q)$$(host_link_$(1))
TEST_OBJECTS += $(HOST_BUILD)/$(1)/tests/selftest/models.o
endef
$(foreach variant,asan plain,$(eval $(call host_models_rules,$(variant))))
hosted-models: $(foreach variant,asan plain,$(HOST_BUILD)/$(variant)/selftest/models)

# The explorer with each subject.
$(foreach subject,$(HOST_SUBJECTS),$(eval $(call host_explorer,subjects/$(subject),\
	$(HOST_BUILD)/explore/watched/tests/subjects/$(subject).o)))
TEST_OBJECTS += $(HOST_SUBJECTS:%=$(HOST_BUILD)/explore/watched/tests/subjects/%.o)
hosted-explorers: $(addprefix $(HOST_BUILD)/explore/subjects/,$(HOST_SUBJECTS))
.SECONDARY: $(HOST_SUBJECTS:%=$(HOST_BUILD)/explore/watched/tests/subjects/%.o)

hosted-tests: $(addprefix $(HOST_BUILD)/,$(HOST_TESTS) $(HOST_BROKEN))

hosted-list:
	@printf '%s\n' $(addprefix $(HOST_BUILD)/,$(HOST_TESTS))

include tests/sound/sound.mk

-include $(patsubst %.o,%.d,$(filter-out $(HOST_OBJECTS),$(sort $(TEST_OBJECTS))))

# For ci/mutate, which recompiles one object and links it with the others: one line each for how a
# variant is compiled and linked, and for the objects of a program. $(info) keeps the shell's
# quotes.
HOST_RELINKED := buddy buddy_lists buddy_percpu buddy_scan buddy_threads page page_allocator spinlock walker
hosted-recipe:
	$(foreach variant,asan asan10 tsan plain,\
	    $(info compile $(variant) $(HOST_CC) $(HOST_CFLAGS) $(HOST_FLAGS_$(variant)))\
	    $(info link $(variant) $(HOST_CC) $(HOST_CFLAGS) $(HOST_FLAGS_$(variant)) -no-pie)\
	    $(info program $(variant)/stampede-host $(call host_stress_objects,$(variant)) $(HOST_NO_NAMES))\
	    $(foreach test,$(HOST_RELINKED),$(info program $(variant)/$(test) $(call unit_objects,$(variant),$(test)))))
	$(info compile explore $(HOST_CC) $(HOST_WATCHED_CFLAGS))
	$(info link explore $(HOST_EXPLORER_LINK))
	$(info program explore/stampede-explore $(HOST_EXPLORE_OBJECTS) $(HOST_NO_NAMES))
	@:
