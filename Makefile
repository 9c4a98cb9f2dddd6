# Stampede: a multi-core stress test for page allocators. `make help` says what there is.

CPUS      ?= 8
MEMORY    ?= 512M
DURATION  ?= 15
SEED      ?=
ALLOCATOR ?=
ACCEL     ?= auto
THREAD    ?= multi
FIRMWARE  ?= bios
BOOT      ?= iso
ARGS      ?=
MAX_ORDER ?= 16
CC        := $(if $(filter default,$(origin CC)),gcc,$(CC))

VERSION := 0.1.0

# make V=1 shows the commands themselves.
Q   := $(if $(V),,@)
SAY := @$(if $(V),:,echo ' ')

# A variant of the build has a folder of its own, so that going back and forth rebuilds nothing.
VARIANT := $(notdir $(CC))-order$(MAX_ORDER)$(if $(filter %.c,$(ALLOCATOR)),-$(basename $(notdir $(ALLOCATOR))))
OUT     := build/$(VARIANT)

CPPFLAGS := -I. -Iarch/x86_64/include -DSTAMPEDE_MAX_ORDER=$(MAX_ORDER) -DSTAMPEDE_VERSION='"$(VERSION)"'
CFLAGS   := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wundef -Wvla -ffreestanding -fno-pie -fno-pic -fno-stack-protector -fno-omit-frame-pointer \
            -fasynchronous-unwind-tables -fno-strict-aliasing -mno-red-zone -mgeneral-regs-only \
            -mno-sse -mcmodel=small -ffunction-sections -fdata-sections
LDFLAGS  := -nostdlib -static -no-pie -Wl,-z,max-page-size=4096,-z,noexecstack,--build-id=none,--fatal-warnings \
            -Wl,--no-warn-rwx-segments -T linker.ld

KERNEL_SOURCES := \
    boot/entry.S boot/main.c boot/bootinfo.c boot/memory.c \
    arch/x86_64/acpi.c arch/x86_64/apic.c arch/x86_64/clock.c arch/x86_64/exit.c \
    arch/x86_64/paging.c arch/x86_64/serial.c arch/x86_64/setup.c arch/x86_64/startup.c \
    arch/x86_64/trampoline.S arch/x86_64/trap.c arch/x86_64/trap_entry.S \
    lib/bitmap.c lib/crc32.c lib/printf.c lib/prng.c lib/string.c \
    mm/buddy.c mm/memmap.c mm/page_allocator.c mm/walker.c \
    smp/barrier.c smp/bringup.c smp/spinlock.c \
    stress/arena.c stress/content.c stress/failure.c stress/options.c stress/phase_exhaust.c \
    stress/phase_mixed.c stress/phase_remote_free.c stress/phase_selftest.c stress/provoke.c \
    stress/report.c stress/run.c stress/traps.c

USER_SOURCES := $(filter %.c,$(ALLOCATOR))
OBJECTS := $(patsubst %,$(OUT)/%.o,$(basename $(KERNEL_SOURCES)))
USER_OBJECTS := $(patsubst %.c,$(OUT)/user/%.o,$(notdir $(USER_SOURCES)))

KERNEL := $(OUT)/stampede.elf
ISO    := $(OUT)/stampede.iso

.PHONY: all iso kernel run test check clean help deps-run deps-test deps-check
.DEFAULT_GOAL := all

all: iso
kernel: $(KERNEL)
iso: $(ISO)

$(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/%.o: %.S $(OUT)/flags
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/user/%.o: $(dir $(firstword $(USER_SOURCES)))%.c $(OUT)/flags
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(KERNEL): $(USER_OBJECTS) $(OBJECTS) linker.ld
	$(SAY) LD $@
	$(Q)$(CC) $(LDFLAGS) -Wl,-Map=$(@:.elf=.map) -o $@ $(USER_OBJECTS) $(OBJECTS)

# Rebuild when the flags change, and only then.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ','\'',$(CPPFLAGS) $(CFLAGS) $(LDFLAGS))' | cmp -s - $@ || \
	    echo '$(CC) $(subst ','\'',$(CPPFLAGS) $(CFLAGS) $(LDFLAGS))' > $@
.PHONY: FORCE

-include $(OBJECTS:.o=.d) $(USER_OBJECTS:.o=.d)
