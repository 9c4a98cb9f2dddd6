# Build rules that the image (arch/x86_64/image.mk) and the hosted programs (arch/host/host.mk)
# share.

PYTHON := /usr/bin/python3

# make V=1 shows the commands themselves.
Q   := $(if $(V),,@)
SAY := @$(if $(V),:,echo ' ')

# ---- flags ----

# For code that can run without an operating system. The explorer's image (EXPLORE=1) and its hosted
# program must compile the explored code to the same memory accesses. Otherwise one seed would give
# two different schedules. So both use these flags and add none that changes the code.
SIMULATOR_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
    -ffreestanding -fno-pie -fno-pic -fno-stack-protector -fno-omit-frame-pointer -fno-strict-aliasing \
    -mno-red-zone -mgeneral-regs-only -mno-sse -mcmodel=small

# $(call instrument,COMPILER): flags that turn every memory access into a call
# (stress/explore/instrument.c).
instrument = -fsanitize=thread $(if $(findstring clang,$(1)),-mllvm -tsan-distinguish-volatile=1,--param=tsan-distinguish-volatile=1) \
    $(foreach name,memset memcpy memmove,-D$(name)=explore_$(name))
# This folder of headers comes first. With its headers the explorer also sees when a core waits.
instrument_first := -Istress/explore/include

# ---- programs that know the names of their functions ----

# Backtraces need the names of functions (lib/symbols.h), which are known only after linking. So a
# program is linked twice, the first time with an empty table. The table comes after all code, so it
# moves no function.
#
# $(call named_program,PROGRAM,STEM,OBJECTS,EMPTY,LINK): rules for PROGRAM. They also create
# STEMunnamed and STEMnames.o. EMPTY is a no-names.o. LINK is the name of a variable whose value is
# the command that links the objects $^ to $@.
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
