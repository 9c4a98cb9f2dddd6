# The sound allocators of tests/sound: programs with all of them in it, allocator=NAME chooses.
#
# Included by tests/tests.mk. Targets:
#   sound-check        the allocators alone, without the harness, under ASan and UBSan, TSan, and neither
#   sound-hosted       build/host/plain/sound/stampede-host, the stress, and build/host/explore/sound/stampede-explore,
#                      the explorer of those in C
#
# The image with all of them: make kernel ALLOCATOR=tests/sound

.PHONY: sound-check sound-hosted

SOUND := $(basename $(notdir $(wildcard tests/sound/*.c)))
SOUND_CXX := $(basename $(notdir $(wildcard tests/sound/*.cpp)))
HOST_CXX ?= g++

# As mm/adapters/adapters.mk compiles C++ for the kernel.
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

# TSan cannot know what a lock in inline assembly orders, nor one whose waiters read a volatile.
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

# What they keep in globals is put apart, as a user's is: the harness puts it back before it makes a pool anew.
sound_apart = objcopy --set-section-flags .bss=alloc,load,data,contents --rename-section .bss=user_data \
	--rename-section .data=user_data $< $@

$(HOST_BUILD)/plain/sound/%.o: $(HOST_BUILD)/plain/tests/sound/%.o
	@mkdir -p $(@D)
	@$(sound_apart)

$(HOST_BUILD)/explore/sound/%.o: $(HOST_BUILD)/explore/watched/tests/sound/%.o
	@mkdir -p $(@D)
	@$(sound_apart)

SOUND_HOSTED := $(addprefix $(HOST_BUILD)/plain/sound/,$(addsuffix .o,$(SOUND) $(SOUND_CXX)))
# Of inline assembly the explorer sees nothing, and then reports no race of the whole program.
SOUND_EXPLORED := $(patsubst %,$(HOST_BUILD)/explore/sound/%.o,$(filter-out assembly-lock,$(SOUND)))
TEST_OBJECTS += $(SOUND:%=$(HOST_BUILD)/explore/watched/tests/sound/%.o)
.SECONDARY: $(SOUND:%=$(HOST_BUILD)/explore/watched/tests/sound/%.o)

$(HOST_BUILD)/plain/sound/stampede-host: $(SOUND_HOSTED) $(call host_stress_objects,plain) $(HOST_NO_NAMES)
	$(SAY) LD $@
	$(Q)$(host_link_plain)

$(eval $(call host_explorer,sound/stampede-explore,$(SOUND_EXPLORED)))

sound-hosted: $(HOST_BUILD)/plain/sound/stampede-host $(HOST_BUILD)/explore/sound/stampede-explore

# Variants of one allocator, as tests/sound_matrix.py has written them down: build/sound-matrix/BASE.c
$(HOST_BUILD)/plain/sound-matrix/%: $(HOST_BUILD)/plain/build/sound-matrix/%.o $(call host_stress_objects,plain) \
		$(HOST_NO_NAMES)
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(host_link_plain)

$(HOST_BUILD)/explore/sound-matrix/%: $(HOST_BUILD)/explore/watched/build/sound-matrix/%.o $(HOST_EXPLORE_OBJECTS) $(HOST_NO_NAMES)
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(host_link_explorer)
