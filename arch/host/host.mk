# The kernel's sources as ordinary programs of this host (arch/host): the stress test, the explorer, the prover.
#
# The top Makefile includes it. It also works alone: make -f arch/host/host.mk hosted
# Targets: hosted (stress test and explorer), build/host/VARIANT/stampede-host, build/host/explore/stampede-explore,
# build/host/explore/user/NAME HOST_ALLOCATOR=NAME.c, build/host/prove/check.

.PHONY: hosted FORCE
hosted:

ifndef MACHINE_CFLAGS
include ci/build.mk
include ci/sources.mk
endif

HOST_CC ?= gcc
HOST_BUILD := $(or $(BUILD_DIR),$(STAMPEDE_BUILD),build)/host
HOST_MAKEFILES := arch/host/host.mk ci/build.mk
HOST_INCLUDES := -Iarch/host/include -I. -Iarch/x86_64/include

HOST_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -pthread -D_GNU_SOURCE \
	-Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-DSTAMPEDE_VERSION='"hosted"' $(HOST_INCLUDES)

# Variants of a program. asan: memory and undefined behaviour. asan10: the same with a small MAX_ORDER, so that a small
# arena holds several of the largest blocks. tsan: data races. plain: no sanitizer.
HOST_FLAGS_asan := -fsanitize=address,undefined,bounds-strict -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=16
HOST_FLAGS_asan10 := -fsanitize=address,undefined,bounds-strict -fno-sanitize-recover=all -DSTAMPEDE_MAX_ORDER=10
HOST_FLAGS_tsan := -fsanitize=thread -DSTAMPEDE_MAX_ORDER=16
HOST_FLAGS_plain := -O2 -DSTAMPEDE_MAX_ORDER=16

define host_compile
$(HOST_BUILD)/$(1)/%.o: %.c $(HOST_MAKEFILES)
	@mkdir -p $$(@D)
	$$(SAY) CC $$@
	$$(Q)$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<

$(HOST_BUILD)/$(1)/%.o: %.S
	@mkdir -p $$(@D)
	$$(Q)$$(HOST_CC) -c -o $$@ $$<
endef
$(foreach variant,asan asan10 tsan plain,$(eval $(call host_compile,$(variant))))

# $(call host_objects,VARIANT,SOURCES)
host_objects = $(patsubst %,$(HOST_BUILD)/$(1)/%.o,$(basename $(2)))
HOST_OBJECTS :=
HOST_NO_NAMES := $(HOST_BUILD)/no-names.o

# ---- the stress ----

# Linked at fixed addresses, so that printed addresses can be looked up.
host_stress_objects = $(call host_objects,$(1),$(SOURCES_HOSTED_STRESS))
define host_stress_rules
host_link_$(1) = $$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) -no-pie -Wl,-u,etext -o $$@ $$(filter %.o,$$^)
$(call named_program,$(HOST_BUILD)/$(1)/stampede-host,$(HOST_BUILD)/$(1)/stress/,$(call host_stress_objects,$(1)),$(HOST_NO_NAMES),host_link_$(1))
HOST_OBJECTS += $(call host_stress_objects,$(1))
endef
$(foreach variant,asan tsan plain,$(eval $(call host_stress_rules,$(variant))))
hosted: $(HOST_BUILD)/plain/stampede-host

# ---- the explorer ----

# The allocators and their lock are compiled as for the image.
HOST_MACHINE_CFLAGS := $(MACHINE_CFLAGS) -Iarch/host/include-in-place $(HOST_INCLUDES) -DSTAMPEDE_MAX_ORDER=16
HOST_WATCHED_CFLAGS := $(instrument_first) $(HOST_MACHINE_CFLAGS) $(call instrument,$(HOST_CC))

$(HOST_BUILD)/explore/watched/%.o: %.c $(HOST_MAKEFILES)
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(HOST_CC) $(HOST_WATCHED_CFLAGS) -MMD -MP -c -o $@ $<

HOST_WATCHED_OBJECTS := $(call host_objects,explore/watched,$(SOURCES_WATCHED))
HOST_EXPLORE_OBJECTS := $(HOST_WATCHED_OBJECTS) \
	$(call host_objects,plain,$(filter-out $(SOURCES_WATCHED),$(SOURCES_HOSTED_EXPLORER)))
HOST_OBJECTS += $(HOST_EXPLORE_OBJECTS)

# $(call host_explorer,PROGRAM,OBJECTS): PROGRAM explores the allocators in OBJECTS, or the built-in ones.
HOST_EXPLORER_LINK := $(HOST_CC) -pthread -no-pie -Wl,-u,etext
host_link_explorer = $(HOST_EXPLORER_LINK) -o $@ $(filter %.o,$^)
host_explorer = $(call named_program,$(HOST_BUILD)/explore/$(1),$(HOST_BUILD)/explore/$(1)-,$(2) $(HOST_EXPLORE_OBJECTS),$(HOST_NO_NAMES),host_link_explorer)
$(eval $(call host_explorer,stampede-explore))
hosted: $(HOST_BUILD)/explore/stampede-explore

# HOST_ALLOCATOR=mine.c: build/host/explore/user/mine. Several files need HOST_USER, the program's name, and
# HOST_USER_DIR, the folder of their settings. As for the kernel, the files become one object. Its data go to a section
# of their own, so that each trial can begin with their initial values. It does not call this host's C library.
ifneq ($(HOST_ALLOCATOR),)
include mm/adapters/registered.mk
HOST_USER ?= $(basename $(notdir $(HOST_ALLOCATOR)))
HOST_USER_DIR ?= $(dir $(firstword $(HOST_ALLOCATOR)))
USER_DIR := $(HOST_USER_DIR)
include mm/adapters/settings.mk
HOST_USER_FOLDER := $(HOST_BUILD)/explore/user-objects/$(HOST_USER)
host_user_object = $(HOST_USER_FOLDER)/$(if $(filter $(abspath $(HOST_USER_DIR)),$(abspath $(dir $(1)))),$(notdir $(1)),$(subst /,+,$(abspath $(1)))).o
HOST_USER_COMPILED := $(foreach file,$(HOST_ALLOCATOR),$(call host_user_object,$(file)))
HOST_USER_OBJECTS := $(addprefix $(HOST_USER_FOLDER)/,allocator.o library.o)

define host_user_rule
$(call host_user_object,$(1)): $(1) FORCE
	@mkdir -p $$(@D)
	$$(SAY) CC $$<
	@$$(user_extract)
	@$$(HOST_CC) $$(filter-out -Werror,$$(HOST_WATCHED_CFLAGS)) $$(user_flags_c) $$(user_extracted) -c -o $$@ $$<
endef
$(foreach file,$(HOST_ALLOCATOR),$(eval $(call host_user_rule,$(file))))

$(HOST_USER_FOLDER)/allocator.o: $(HOST_USER_COMPILED) mm/adapters/hosted-names
	@ld -r -d -o $@ $(HOST_USER_COMPILED)
	@objcopy --redefine-syms=mm/adapters/hosted-names $@
	@objcopy -w --localize-symbol='*' --set-section-flags .bss=alloc,load,data,contents --rename-section .bss=user_data \
	    --rename-section .data=user_data $@
	@ci/user-objects mark $@

$(HOST_USER_FOLDER)/library.o: mm/adapters/library.c mm/adapters/hosted-names
	@mkdir -p $(@D)
	@$(HOST_CC) $(HOST_MACHINE_CFLAGS) $(USER_LIBRARY) -c -o $@ $<
	@objcopy --redefine-syms=mm/adapters/hosted-names $@

$(HOST_USER_FOLDER)/registered: $(HOST_USER_FOLDER)/allocator.o
	@$(call registered,$^,$(HOST_ALLOCATOR))
.PHONY: $(HOST_USER_FOLDER)/registered
$(HOST_BUILD)/explore/user/$(HOST_USER)-unnamed: | $(HOST_USER_FOLDER)/registered
$(eval $(call host_explorer,user/$(HOST_USER),$(HOST_USER_OBJECTS)))
endif

include stress/prove/prove.mk

-include $(patsubst %.o,%.d,$(sort $(HOST_OBJECTS)))
