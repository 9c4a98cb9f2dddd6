# Allocators from outside of this tree: ALLOCATOR=PATH and STACSOS=PATH. Sets
#   OUT           the build folder
#   USER_FILES    the allocator's files and settings; empty for a built-in allocator
#   USER_OBJECTS  the objects that are linked
#   USER_NAME     the name of the file or folder
#   USER_CODE     the files of ALLOCATOR that are compiled
#   USER_CXX      not empty if a C++ compiler is needed

ifeq ($(origin CXX),default)
CXX := $(subst clang,clang++,$(subst gcc,g++,$(CC)))
endif

ifneq ($(and $(ALLOCATOR),$(STACSOS)),)
$(error say ALLOCATOR= or STACSOS=, not both)
endif
# For make a blank ends a name.
ifneq ($(word 2,$(ALLOCATOR) $(STACSOS)),)
$(error $(if $(ALLOCATOR),ALLOCATOR=$(ALLOCATOR),STACSOS=$(STACSOS)): one path, without blanks; several files are given by their folder)
endif

# The flags of C, without those that C++ does not know. Language features that need a library are
# off.
CXX_COMMON   := $(filter-out -std=% -Werror -Wstrict-prototypes -Wmissing-prototypes -Wextra -Wshadow -Wundef -Wvla,$(CFLAGS)) \
                -fno-exceptions -fno-rtti -fno-threadsafe-statics
# The contract's headers are C. The macros replace words of C that have another name in C++.
CXXFLAGS     := -std=gnu++20 $(CXX_COMMON) -nostdinc++ -D_Static_assert=static_assert -D_Alignof=alignof \
                '-D_Noreturn=[[noreturn]]' -Drestrict=__restrict
this_is_yours = || { ci/full-disk $(@D) || echo '$<: this is your file; the message above is the compiler'"'"'s' >&2; exit 1; }

include mm/adapters/user.mk

include mm/adapters/stacsos/stacsos.mk

# ---- for both ----

include mm/adapters/registered.mk

ifneq ($(USER_FILES),)
$(OUT)/user/cxx_runtime.o: mm/adapters/cxx_runtime.cpp $(OUT)/user/which
	$(SAY) CXX $<
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -Werror -MMD -MP -c -o $@ $<

# Files of one name in different folders share a build folder. When the file changes, everything is
# rebuilt.
USER_IS := $(CXX) $(CXXFLAGS) $(STACSOS_FLAGS) $(user_flags_c) $(user_flags_cxx) $(RUSTC) $(RUST_FLAGS) $(USER_COMPILE_COMMANDS) $(abspath $(USER_FILES))
$(OUT)/user/which: $(COMMON)/flags FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(USER_IS))' | cmp -s - $@ || \
	    { rm -rf $(OUT)/include; printf '%s\n' '$(subst ','\'',$(USER_IS))' >$@; }

$(OUT)/unnamed $(OUT)/stampede.elf: $(OUT)/user/which

# Dependencies of other files are useless, and may name files that are gone.
ifeq ($(strip $(USER_IS)),$(strip $(shell cat $(OUT)/user/which 2>/dev/null)))
-include $(or $(USER_DEPENDS),$(patsubst %.o,%.d,$(filter $(OUT)/%,$(USER_OBJECTS))))
endif
else
OUT := $(COMMON)
endif
