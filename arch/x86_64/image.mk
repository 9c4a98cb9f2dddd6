# The image: the kernel without an operating system (arch/x86_64), and a GRUB ISO with it.
#
# The top Makefile includes it. Its variables select the build: CC, MAX_ORDER, EXPLORE, ALLOCATOR, STACSOS. Sets
#   KERNEL, ISO   the files to build, in OUT, the folder of this build

VERSION := 0.1.0

# Each variant of the build has its own folder, so that switching between variants rebuilds nothing. A user's allocator
# is linked with the objects of the variant without it.
COMMON := $(BUILD_DIR)/$(notdir $(CC))-order$(MAX_ORDER)$(if $(EXPLORE),-explore)

CPPFLAGS := -I. -Iarch/x86_64/include -DSTAMPEDE_MAX_ORDER=$(MAX_ORDER) -DSTAMPEDE_VERSION='"$(VERSION)"'
CFLAGS   := $(MACHINE_CFLAGS) -fasynchronous-unwind-tables -ffunction-sections -fdata-sections \
            '-ffile-prefix-map=$(subst ','\'',$(CURDIR))=.'
LDFLAGS  := -nostdlib -static -Wl,-z,max-page-size=4096,-z,noexecstack,--build-id=none,--fatal-warnings \
            -Wl,--no-warn-rwx-segments -T linker.ld

# EXPLORE=1: the image runs the explorer instead of the phases, with allocators and lock instrumented.
INSTRUMENT       := $(if $(EXPLORE),$(call instrument,$(CC)))
INSTRUMENT_FIRST := $(if $(EXPLORE),$(instrument_first))

include mm/adapters/adapters.mk

OBJECTS := $(patsubst %,$(COMMON)/%.o,$(basename $(if $(EXPLORE),$(SOURCES_IMAGE_EXPLORER),$(SOURCES_IMAGE_STRESS))))
KERNEL  := $(OUT)/stampede.elf
ISO     := $(OUT)/stampede.iso
or_full  = || { ci/full-disk $(@D); exit 1; }

.PHONY: kernel-recipe FORCE

$(COMMON)/%.o: %.c $(COMMON)/flags
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $< $(or_full)

$(SOURCES_WATCHED:%.c=$(COMMON)/%.o): private CPPFLAGS := $(INSTRUMENT_FIRST) $(CPPFLAGS) $(INSTRUMENT)

$(COMMON)/%.o: %.S $(COMMON)/flags
	@mkdir -p $(@D)
	$(SAY) AS $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $< $(or_full)

# The user's allocator is linked first, so it is the default.
LINKED := $(USER_OBJECTS) $(OBJECTS) $(STAGE_OBJECTS)
LINK    = $(CC) $(LDFLAGS) -Wl,-Map=$(basename $@).map -o $@ $(filter %.o,$^) $(or_unfit)
# With a user's file, say so: symbols that the linker misses must come from the user.
or_unfit = || { ci/full-disk $(@D) || $(if $(USER_FILES),echo '$(ALLOCATOR)$(STACSOS): the image cannot be linked with this; \
    the message above is the linker'"'"'s' >&2,true); exit 1; }

$(eval $(call named_program,$(KERNEL),$(OUT)/,$(LINKED),$(OUT)/no-names.o,LINK))
$(KERNEL) $(OUT)/unnamed: linker.ld
$(KERNEL): | $(OUT)/made-with

ifneq ($(STACSOS),)
$(OUT)/unnamed: $(OUT)/registered
$(OUT)/registered: $(USER_OBJECTS)
	$(Q)$(call registered,$^,$(STACSOS_SOURCE))
	$(Q)touch $@
endif

# Non-default settings of the image, one per line: make explore with the same settings builds its explorer. The user's
# compile settings are recorded, too, except those of his makefile fragment, which is read again.
MADE_WITH = $(addprefix ALLOCATOR=,$(if $(USER_FILES),$(ALLOCATOR))) \
    $(foreach name,STACSOS STACSOS_GENERATION STACSOS_LOCK STACSOS_PROMISES,$(addprefix $(name)=,$($(name)))) \
    $(patsubst %,CC=%,$(filter-out gcc,$(CC))) $(patsubst %,MAX_ORDER=%,$(filter-out 16,$(MAX_ORDER)))

USER_SETTERS := USER_CFLAGS USER_COMPILE_COMMANDS USER_DEFINES USER_FLAGS USER_INCLUDES USER_MK USER_RUSTFLAGS USER_SOURCES USER_STD
made_by = $(if $(filter command environment,$(word 1,$(origin $(1)))),$(if $($(1)),'$(1)=$(subst ','\'',$($(1)))'))

$(OUT)/made-with: $(USER_OBJECTS)
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' $(foreach word,$(MADE_WITH),'$(word)') $(foreach name,$(USER_SETTERS),$(call made_by,$(name))) >$@

# Like hosted-recipe (tests/tests.mk), for the image.
kernel-recipe:
	$(info compile kernel $(CC) $(CPPFLAGS) $(CFLAGS))
	$(info link kernel $(CC) $(LDFLAGS))
	$(info program kernel/stampede.elf $(LINKED) $(OUT)/no-names.o)
	@:

no_mkrescue = grub-mkrescue is missing, which makes the ISO image: ci/install-deps run installs it; BOOT=direct needs no image

# One image for BIOS and UEFI, for a disc or a USB stick.
$(ISO): $(KERNEL) boot/grub.cfg
	$(SAY) ISO $@
	@mkdir -p $(OUT)/iso/boot/grub
	@cp $(KERNEL) $(OUT)/iso/boot/stampede.elf
	@cp boot/grub.cfg $(OUT)/iso/boot/grub/grub.cfg
	@command -v grub-mkrescue >/dev/null || { echo '$(no_mkrescue)' >&2; exit 1; }
	$(Q)grub-mkrescue --fonts= --locales= --themes= -o $@ $(OUT)/iso >$(OUT)/grub-mkrescue.log 2>&1 || \
	    { cat $(OUT)/grub-mkrescue.log; ci/full-disk $(OUT) 16384; rm -f $@; exit 1; }

# This file changes only when the flags change, so objects are rebuilt only then.
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(COMMON)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || \
	    printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@

-include $(OBJECTS:.o=.d)
