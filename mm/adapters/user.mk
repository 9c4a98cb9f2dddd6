# ALLOCATOR=PATH: C, C++, Rust and assembly files, objects and archives, or a folder of them.
# Included by adapters.mk.
#
# All of them become one object, allocator.o, whose symbols are local. So a user's function may have
# the name of one of the kernel's. Missing symbols come from the kernel and from library.c,
# integers.c and exports.c.

USER_SUFFIXES := .c .cpp .S .o .a .rs
USER_ENDS    := $(addprefix %,$(USER_SUFFIXES))
# In a folder with a Rust crate only lib.rs is compiled; it names the others.
user_files_in = $(filter-out %.rs,$(sort $(wildcard $(addprefix $(1)/*,$(USER_SUFFIXES))))) $(wildcard $(1)/lib.rs)
USER_IS_PATH := $(filter $(USER_ENDS),$(ALLOCATOR))$(findstring /,$(ALLOCATOR))$(if $(ALLOCATOR),$(wildcard $(ALLOCATOR)/.))
ifneq ($(USER_IS_PATH),)
USER_GIVEN   := $(if $(wildcard $(ALLOCATOR)/.),$(strip $(call user_files_in,$(ALLOCATOR:/=))),$(filter $(USER_ENDS),$(wildcard $(ALLOCATOR))))
USER_DIR     := $(if $(wildcard $(ALLOCATOR)/.),$(ALLOCATOR:/=)/,$(dir $(ALLOCATOR)))
include mm/adapters/settings.mk
USER_FILES   := $(USER_GIVEN) $(call user_paths,USER_SOURCES)
$(if $(strip $(USER_FILES)),,$(error ALLOCATOR=$(ALLOCATOR): there is no such file, or nothing in it ends in .c, .cpp, .S, .o or .a, nor is lib.rs))
$(foreach file,$(USER_FILES),$(if $(wildcard $(file)),,$(error USER_SOURCES: there is no file $(file))))
$(foreach file,$(USER_FILES),$(if $(filter $(USER_ENDS),$(file)),,$(error USER_SOURCES: $(file) ends in none of .c, .cpp, .S, .o, .a and .rs)))
USER_CODE    := $(filter %.c %.cpp %.S,$(USER_FILES))
# An object beside its source comes from the user's own build; the source is compiled instead.
USER_READY   := $(filter-out $(addsuffix .o,$(basename $(USER_CODE))),$(filter %.o,$(USER_FILES)))
USER_ARCHIVES := $(filter %.a,$(USER_FILES))
USER_RUST    := $(filter %.rs,$(USER_FILES))
# Objects and archives may come from C++.
USER_CXX     := $(filter %.cpp,$(USER_CODE))$(USER_READY)$(USER_ARCHIVES)
USER_NAME    := $(basename $(notdir $(lastword $(abspath $(ALLOCATOR)))))
OUT          := $(shell ci/own-folder '$(COMMON)-$(USER_NAME)' '$(ALLOCATOR)')
ifneq ($(USER_RUST),)
include mm/adapters/rust.mk
endif
USER_PACKED  := $(USER_ARCHIVES) $(USER_RUST_ARCHIVES)
# A file from another folder may have the same name as one from this folder.
user_object   = $(OUT)/user/$(if $(filter $(USER_GIVEN),$(1)),$(notdir $(1)),$(subst /,+,$(abspath $(1)))).o
USER_COMPILED := $(foreach file,$(USER_CODE),$(call user_object,$(file)))
USER_OBJECTS  := $(addprefix $(OUT)/user/,allocator.o library.o integers.o exports.o $(if $(USER_CXX),cxx_runtime.o))
USER_DEPENDS  := $(USER_COMPILED:.o=.d) $(USER_OBJECTS:.o=.d)

USER_CC_c   = $(CC) $(INSTRUMENT_FIRST) $(CPPFLAGS) $(filter-out -Werror,$(CFLAGS)) $(user_flags_c) $(INSTRUMENT)
USER_CC_S   = $(CC) $(CPPFLAGS) $(filter-out -Werror -std=%,$(CFLAGS)) $(filter-out -std=%,$(user_flags_c))
USER_CC_cpp = $(CXX) $(INSTRUMENT_FIRST) $(CPPFLAGS) $(filter-out -nostdinc++,$(CXXFLAGS)) $(user_flags_cxx) $(INSTRUMENT)

define user_rule
$(call user_object,$(1)): $(1) $(OUT)/user/which $(USER_COMPILE_COMMANDS) $(USER_FRAGMENT)
	$$(SAY) $(if $(filter %.cpp,$(1)),CXX,CC) $$<
	$$(Q)$$(user_extract)
	$$(Q)$$(USER_CC_$(patsubst .%,%,$(suffix $(1)))) $$(user_extracted) -MMD -MP -c -o $$@ $$< $$(this_is_yours)
endef
$(foreach file,$(USER_CODE),$(eval $(call user_rule,$(file))))

# Members of an archive that register an allocator are linked, although nothing calls them.
$(OUT)/user/allocator.o: $(USER_COMPILED) $(USER_READY) $(USER_PACKED) $(OUT)/user/which mm/adapters/archives.ld ci/user-objects
	$(Q)ci/user-objects roots $@.members $(USER_PACKED)
	$(Q)ld -r -d $(if $(strip $(USER_PACKED)),--gc-sections -e user_root -T mm/adapters/archives.ld) -o $@ $(USER_COMPILED) $(USER_READY) $$(ls -d $@.members/* 2>/dev/null) --start-group $(USER_PACKED) --end-group || \
	    { echo '$(ALLOCATOR): these files do not fit together; the message above is the linker'"'"'s' >&2; rm -f $@; exit 1; }
	$(Q){ $(call registered,$@,$(USER_FILES)) && objcopy -w --localize-symbol='*' $@; } || { rm -f $@; exit 1; }
	$(if $(EXPLORE),$(Q)ci/user-objects mark $@)

$(patsubst %,$(OUT)/user/%.o,library integers exports): $(OUT)/user/%.o: mm/adapters/%.c $(OUT)/user/which
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(USER_LIBRARY) -MMD -MP -c -o $@ $<
endif
