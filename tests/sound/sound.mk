# The sound allocators of tests/sound. Each program contains all of them; allocator=NAME chooses
# one.
#
# Included by tests/tests.mk. Targets:
#   sound-check        the allocators without the harness: under ASan and UBSan, under TSan, and
#                      without a sanitizer
#   sound-hosted       build/host/plain/sound/stampede-host, the stress, and
#                      build/host/explore/sound/stampede-explore, the explorer with those in C
#
# The kernel with all of them: make kernel ALLOCATOR=tests/sound

.PHONY: sound-check sound-hosted

SOUND := $(basename $(notdir $(wildcard tests/sound/*.c)))
SOUND_CXX := $(basename $(notdir $(wildcard tests/sound/*.cpp)))
HOST_CXX ?= g++

# The same flags as for the kernel's C++ (mm/adapters/adapters.mk).
SOUND_CXXFLAGS = -std=gnu++20 $(filter-out -std=% -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow,$(HOST_CFLAGS)) \
	-fno-exceptions -fno-rtti -D_Static_assert=static_assert -D_Alignof=alignof '-D_Noreturn=[[noreturn]]' \
	-Drestrict=__restrict -D_Thread_local=__thread

define sound_cxx_rule
$(HOST_BUILD)/$(1)/%.o: %.cpp tests/sound/sound.mk
	@mkdir -p $$(@D)
	$$(SAY) CXX $$@
	$$(Q)$$(HOST_CXX) $$(SOUND_CXXFLAGS) $$(HOST_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef
$(foreach variant,asan tsan plain,$(eval $(call sound_cxx_rule,$(variant))))

sound_objects = $(SOUND:%=$(HOST_BUILD)/$(1)/tests/sound/%.o) $(SOUND_CXX:%=$(HOST_BUILD)/$(1)/tests/sound/%.o)
sound_check_objects = $(call sound_objects,$(1)) $(patsubst %.c,$(HOST_BUILD)/$(1)/%.o,$(wildcard tests/sound/host/*.c) \
	arch/host/host.c tests/unit/fail.c lib/prng.c lib/printf.c lib/rules.c lib/sinks.c mm/page_allocator.c smp/spinlock.c)

# TSan does not see the order that these locks make: one is in inline assembly, the other's waiters
# read a volatile word.
SOUND_UNSEEN_tsan := assembly-lock volatile-word

define sound_check_rules
$(HOST_BUILD)/$(1)/sound-check: $(filter-out $(SOUND_UNSEEN_$(1):%=$(HOST_BUILD)/$(1)/tests/sound/%.o),\
		$(call sound_check_objects,$(1)))
	$$(SAY) LD $$@
	$$(Q)$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -o $$@ $$^
TEST_OBJECTS += $(call sound_check_objects,$(1))
endef
$(foreach variant,asan tsan plain,$(eval $(call sound_check_rules,$(variant))))
sound-check: $(foreach variant,asan tsan plain,$(HOST_BUILD)/$(variant)/sound-check)

# ---- under the harness ----

# Their global variables get a section of their own, as a user's do. The harness restores it before
# it makes a new pool.
sound_apart = objcopy --set-section-flags .bss=alloc,load,data,contents --rename-section .bss=user_data \
	--rename-section .data=user_data $< $@

$(HOST_BUILD)/plain/sound/%.o: $(HOST_BUILD)/plain/tests/sound/%.o
	@mkdir -p $(@D)
	@$(sound_apart)

$(HOST_BUILD)/explore/sound/%.o: $(HOST_BUILD)/explore/watched/tests/sound/%.o
	@mkdir -p $(@D)
	@$(sound_apart)

SOUND_HOSTED := $(addprefix $(HOST_BUILD)/plain/sound/,$(addsuffix .o,$(SOUND) $(SOUND_CXX)))
# With inline assembly, which it cannot see, the explorer reports no race in the whole program.
SOUND_EXPLORED := $(patsubst %,$(HOST_BUILD)/explore/sound/%.o,$(filter-out assembly-lock,$(SOUND)))
TEST_OBJECTS += $(SOUND:%=$(HOST_BUILD)/explore/watched/tests/sound/%.o)
.SECONDARY: $(SOUND:%=$(HOST_BUILD)/explore/watched/tests/sound/%.o)

$(HOST_BUILD)/plain/sound/stampede-host: $(SOUND_HOSTED) $(call host_stress_objects,plain) $(HOST_NO_NAMES)
	$(SAY) LD $@
	$(Q)$(host_link_plain)

$(eval $(call host_explorer,sound/stampede-explore,$(SOUND_EXPLORED)))

sound-hosted: $(HOST_BUILD)/plain/sound/stampede-host $(HOST_BUILD)/explore/sound/stampede-explore

# Variants of one allocator. tests/sound_matrix.py writes them to build/sound-matrix/BASE.c.
$(HOST_BUILD)/plain/sound-matrix/%: $(HOST_BUILD)/plain/build/sound-matrix/%.o $(call host_stress_objects,plain) \
		$(HOST_NO_NAMES)
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(host_link_plain)

$(HOST_BUILD)/explore/sound-matrix/%: $(HOST_BUILD)/explore/watched/build/sound-matrix/%.o $(HOST_EXPLORE_OBJECTS) $(HOST_NO_NAMES)
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(host_link_explorer)
