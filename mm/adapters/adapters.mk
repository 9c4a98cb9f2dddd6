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

include mm/adapters/stacsos/stacsos.mk

# ---- either way ----

include mm/adapters/registered.mk

ifneq ($(USER_FILES),)
$(OUT)/user/cxx_runtime.o: mm/adapters/cxx_runtime.cpp $(OUT)/user/which
	$(SAY) CXX $<
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -Werror -MMD -MP -c -o $@ $<

# Two files of one name in different folders share a folder here: when it is the other one's turn, all is made anew.
USER_IS := $(CXX) $(CXXFLAGS) $(STACSOS_FLAGS) $(user_flags_c) $(user_flags_cxx) $(RUSTC) $(RUST_FLAGS) $(USER_COMPILE_COMMANDS) $(abspath $(USER_FILES))
$(OUT)/user/which: $(COMMON)/flags FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(USER_IS))' | cmp -s - $@ || \
	    { rm -rf $(OUT)/include; printf '%s\n' '$(subst ','\'',$(USER_IS))' >$@; }

$(OUT)/unnamed $(OUT)/stampede.elf: $(OUT)/user/which

# What was found for another one's files is of no use, and may name files that are gone.
ifeq ($(strip $(USER_IS)),$(strip $(shell cat $(OUT)/user/which 2>/dev/null)))
-include $(or $(USER_DEPENDS),$(patsubst %.o,%.d,$(filter $(OUT)/%,$(USER_OBJECTS))))
endif
else
OUT := $(COMMON)
endif
