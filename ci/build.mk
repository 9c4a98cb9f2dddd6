# How programs are built: what the image (arch/x86_64/image.mk) and the hosted programs (arch/host/host.mk) have in common.

PYTHON := /usr/bin/python3

# make V=1 shows the commands themselves.
Q   := $(if $(V),,@)
SAY := @$(if $(V),:,echo ' ')

# ---- flags ----

# For code that runs, or could run, without an operating system. A seed of the explorer is the same schedule in the image
# (EXPLORE=1) and in the hosted program only if both compile what is explored to the same accesses. So both take these
# flags from here, and add none that changes code.
SIMULATOR_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
    -ffreestanding -fno-pie -fno-pic -fno-stack-protector -fno-omit-frame-pointer -fno-strict-aliasing \
    -mno-red-zone -mgeneral-regs-only -mno-sse -mcmodel=small

# $(call instrument,COMPILER): makes every access a call (stress/explore/instrument.c).
instrument = -fsanitize=thread $(if $(findstring clang,$(1)),-mllvm -tsan-distinguish-volatile=1,--param=tsan-distinguish-volatile=1) \
    $(foreach name,memset memcpy memmove,-D$(name)=explore_$(name))
# The first folder of headers, by which waiting is seen, too.
instrument_first := -Istress/explore/include

# ---- programs that know the names of their functions ----

# Backtraces need the names (lib/symbols.h), which are known once a program is linked. So it is linked twice, first with
# an empty table; the table comes behind all code, and so moves no function.
#
# $(call named_program,PROGRAM,STEM,OBJECTS,EMPTY,LINK): rules for PROGRAM; STEMunnamed and STEMnames.o are made on the
# way. EMPTY is a no-names.o. LINK is the name of a variable: the command that links the objects of $^ to $@.
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
