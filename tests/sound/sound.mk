# The sound allocators of tests/sound: programs with all of them in it, allocator=NAME chooses.
#
# Included by tests/host.mk. Targets:
#   sound-check        the allocators alone, without the harness, under ASan and UBSan, TSan, and neither
#   sound-hosted       the stress as a program of this host: build/host/plain/sound/stampede-host
#   sound-explorers    an explorer each: build/host/explore/sound/NAME

.PHONY: sound-check sound-hosted sound-explorers

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
	@echo "  CXX $$@"
	@$$(HOST_CXX) $$(SOUND_CXXFLAGS) $$(HOST_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef
$(foreach variant,asan tsan plain,$(eval $(call sound_cxx_rule,$(variant))))

sound_objects = $(SOUND:%=$(HOST_BUILD)/$(1)/tests/sound/%.o) $(SOUND_CXX:%=$(HOST_BUILD)/$(1)/tests/sound/%.o)
sound_check_objects = $(call sound_objects,$(1)) $(patsubst %.c,$(HOST_BUILD)/$(1)/%.o,$(wildcard tests/sound/host/*.c) \
	tests/host/host.c tests/host/fail.c lib/prng.c lib/printf.c mm/page_allocator.c smp/spinlock.c)

# TSan cannot know what a lock in inline assembly orders.
SOUND_UNSEEN_tsan := assembly-lock

define sound_check_rules
$(HOST_BUILD)/$(1)/sound-check: $(filter-out $(SOUND_UNSEEN_$(1):%=$(HOST_BUILD)/$(1)/tests/sound/%.o),\
		$(call sound_check_objects,$(1)))
	@echo "  LD  $$@"
	@$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -o $$@ $$^
HOST_OBJECTS += $(call sound_check_objects,$(1))
endef
$(foreach variant,asan tsan plain,$(eval $(call sound_check_rules,$(variant))))
sound-check: $(foreach variant,asan tsan plain,$(HOST_BUILD)/$(variant)/sound-check)
