# Allocators that are not of this tree: ALLOCATOR=PATH and STACSOS=PATH. Sets
#   OUT           the folder of the build
#   USER_FILES    what the allocator is made of; empty for a built-in one
#   USER_OBJECTS  what it is linked from
#   USER_NAME     the name of the file or folder
#   USER_CODE     those of ALLOCATOR that are compiled
#   USER_CXX      whether a C++ compiler is needed

ifeq ($(origin CXX),default)
CXX := $(subst clang,clang++,$(subst gcc,g++,$(CC)))
endif

ifneq ($(and $(ALLOCATOR),$(STACSOS)),)
$(error say ALLOCATOR= or STACSOS=, not both)
endif
# Make takes a blank for the end of a name.
ifneq ($(word 2,$(ALLOCATOR) $(STACSOS)),)
$(error $(if $(ALLOCATOR),ALLOCATOR=$(ALLOCATOR),STACSOS=$(STACSOS)): one path, without blanks; several files are given by their folder)
endif

# C++ as C is compiled here, but for what C++ does not know; without what needs a library.
CXX_COMMON   := $(filter-out -std=% -Werror -Wstrict-prototypes -Wmissing-prototypes -Wextra -Wshadow -Wundef -Wvla,$(CFLAGS)) \
                -fno-exceptions -fno-rtti -fno-threadsafe-statics
# The contract's headers are C; these are words of C that C++ has by other names.
CXXFLAGS     := -std=gnu++20 $(CXX_COMMON) -nostdinc++ -D_Static_assert=static_assert -D_Alignof=alignof \
                '-D_Noreturn=[[noreturn]]' -Drestrict=__restrict
this_is_yours = || { ci/full-disk $(@D) || echo '$<: this is your file; the message above is the compiler'"'"'s' >&2; exit 1; }

include mm/adapters/user.mk

# ---- STACSOS=page-allocator-buddy.cpp: docs/STACSOS.md ----

ifneq ($(STACSOS),)
ifneq ($(MAX_ORDER),16)
$(error STACSOS= is for MAX_ORDER=16: its largest order is that)
endif
STACSOS_FOUND := $(shell ci/stacsos-generation --all --generation=$(STACSOS_GENERATION) $(STACSOS))
$(if $(STACSOS_FOUND),,$(error STACSOS=$(STACSOS): the interface is not known))
STACSOS_YEAR   := $(word 1,$(STACSOS_FOUND))
STACSOS_LOCKER := $(or $(STACSOS_LOCK),$(word 2,$(STACSOS_FOUND)))
$(if $(filter adapter student,$(STACSOS_LOCKER)),,$(error STACSOS_LOCK is adapter or student))
STACSOS_SOURCE := $(word 3,$(STACSOS_FOUND))
STACSOS_HEADER := $(abspath $(filter-out -,$(word 4,$(STACSOS_FOUND))))
USER_FILES     := $(STACSOS_SOURCE) $(STACSOS_HEADER) $(STACSOS_YEAR) $(STACSOS_LOCKER)
OUT            := $(COMMON)-stacsos$(STACSOS_YEAR)-$(notdir $(patsubst %/,%,$(dir $(lastword $(abspath $(STACSOS_SOURCE))))))
STACSOS_HOME   := mm/adapters/stacsos
# Headers that the stand-ins lack come from the user's checkout, if it is one.
STACSOS_ROOT   := $(dir $(STACSOS_SOURCE))../../..
STACSOS_AFTER  := $(addprefix -idirafter ,$(wildcard $(STACSOS_ROOT)/kernel/inc $(STACSOS_ROOT)/lib/inc))
STACSOS_FLAGS  := -std=gnu++2b $(CXX_COMMON) -nostdinc -fno-delete-null-pointer-checks \
                  -include $(STACSOS_HOME)/include/global.h -include $(STACSOS_HOME)/include/stacsos/kernel/kernel-global.h \
                  -I$(OUT)/include -I$(STACSOS_HOME)/include-$(STACSOS_YEAR) -I$(STACSOS_HOME)/include $(STACSOS_AFTER)
STACSOS_C      := adapter allocator_$(STACSOS_YEAR) lock_$(STACSOS_LOCKER) runtime
USER_OBJECTS   := $(OUT)/user/page-allocator-buddy.o $(OUT)/user/bridge_$(STACSOS_YEAR).o $(OUT)/user/runtime-cxx.o \
                  $(patsubst %,$(OUT)/user/%.o,$(STACSOS_C)) $(OUT)/user/cxx_runtime.o
USER_CXX       := $(STACSOS_SOURCE)
STACSOS_PROXY  := $(if $(STACSOS_HEADER),$(OUT)/include/stacsos/kernel/mem/page-allocator-buddy.h)

# <stacsos/kernel/mem/page-allocator-buddy.h> is the user's, wherever it lies.
$(STACSOS_PROXY): $(OUT)/user/which
	@mkdir -p $(@D)
	@echo '#include "$(subst ','\'',$(STACSOS_HEADER))"' >$@

$(OUT)/user/page-allocator-buddy.o: $(STACSOS_SOURCE) $(STACSOS_PROXY) $(OUT)/user/which
	$(SAY) 'CXX $< (StACSOS $(STACSOS_YEAR), $(if $(filter student,$(STACSOS_LOCKER)),with its own lock,without a lock: the adapter has one))'
	$(Q)$(CXX) $(STACSOS_FLAGS) $(INSTRUMENT) -MMD -MP -c -o $@ $< $(this_is_yours)

$(OUT)/user/%.o: $(STACSOS_HOME)/%.cpp $(STACSOS_PROXY) $(OUT)/user/which
	$(SAY) CXX $<
	$(Q)$(CXX) $(STACSOS_FLAGS) -Werror -MMD -MP -c -o $@ $<

$(OUT)/user/runtime-cxx.o: $(STACSOS_HOME)/runtime.cpp $(OUT)/user/which
	$(SAY) CXX $<
	$(Q)$(CXX) $(STACSOS_FLAGS) -Werror -MMD -MP -c -o $@ $<

$(patsubst %,$(OUT)/user/%.o,$(STACSOS_C)): $(OUT)/user/%.o: $(STACSOS_HOME)/%.c $(OUT)/user/which
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
endif

# ---- either way ----

include mm/adapters/registered.mk

ifneq ($(USER_FILES),)
$(OUT)/user/cxx_runtime.o: mm/adapters/cxx_runtime.cpp $(OUT)/user/which
	$(SAY) CXX $<
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -Werror -MMD -MP -c -o $@ $<

# Two files of one name in different folders share a folder here: when it is the other one's turn, all is made anew.
USER_IS := $(CXX) $(CXXFLAGS) $(STACSOS_FLAGS) $(user_flags_c) $(user_flags_cxx) $(USER_COMPILE_COMMANDS) $(abspath $(USER_FILES))
$(OUT)/user/which: $(COMMON)/flags FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(USER_IS))' | cmp -s - $@ || \
	    { rm -rf $(OUT)/include; printf '%s\n' '$(subst ','\'',$(USER_IS))' >$@; }

$(OUT)/unnamed.elf $(OUT)/stampede.elf: $(OUT)/user/which

# What was found for another one's files is of no use, and may name files that are gone.
ifeq ($(strip $(USER_IS)),$(strip $(shell cat $(OUT)/user/which 2>/dev/null)))
-include $(or $(USER_DEPENDS),$(patsubst %.o,%.d,$(filter $(OUT)/%,$(USER_OBJECTS))))
endif
else
OUT := $(COMMON)
endif
