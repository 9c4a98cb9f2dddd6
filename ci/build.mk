# Build rules that the image (arch/x86_64/image.mk) and the hosted programs (arch/host/host.mk) share.

PYTHON := /usr/bin/python3

# make V=1 shows the commands themselves.
Q   := $(if $(V),,@)
SAY := @$(if $(V),:,echo ' ')

# ---- flags ----

# Flags for code that can run without an operating system. A seed of the explorer must give the same schedule in the
# image (EXPLORE=1) and in the hosted program. So both must compile the explored code to the same memory accesses: both
# use these flags, and add none that changes code.
MACHINE_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
    -ffreestanding -fno-pie -fno-pic -fno-stack-protector -fno-omit-frame-pointer -fno-strict-aliasing \
    -mno-red-zone -mgeneral-regs-only -mno-sse -mcmodel=small

# $(call instrument,COMPILER): makes every memory access a call (stress/explore/instrument.c).
instrument = -fsanitize=thread $(if $(findstring clang,$(1)),-mllvm -tsan-distinguish-volatile=1,--param=tsan-distinguish-volatile=1) \
    $(foreach name,memset memcpy memmove,-D$(name)=explore_$(name))
# Must be the first include folder: its arch/cpu.h lets the explorer see waiting, too.
instrument_first := -Istress/explore/include

# ---- programs that know the names of their functions ----

# Backtraces need the names of functions (lib/symbols.h), which are known only after linking. So a program is linked
# twice, first with an empty table. The table lies behind all code, so it moves no function.
#
# $(call named_program,PROGRAM,STEM,OBJECTS,EMPTY,LINK): rules for PROGRAM. Intermediate files are STEMunnamed and
# STEMnames.o. EMPTY is a no-names.o. LINK names the variable with the command that links the objects of $^ to $@.
define named_program
$(1): $(3) $(2)names.o
	$$(SAY) LD $$@
	$$(Q)$$($(5))

$(2)unnamed: $(3) $(4)
	@mkdir -p $$(@D)
	$$(Q)$$($(5))

$(2)names.o: $(2)unnamed ci/symbols
	$$(Q)nm --defined-only $$< | sed 's/ etext$$$$/ text_end/' | $$(PYTHON) ci/symbols >$$(@:.o=.S)
	$$(Q)as -o $$@ $$(@:.o=.S)
endef

%/no-names.o: ci/symbols
	@mkdir -p $(@D)
	$(Q)$(PYTHON) ci/symbols </dev/null | as -o $@ -
