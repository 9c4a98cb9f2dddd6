# The search through all states (stress/prove): the allocators' own sources, with caches so small that a small arena
# fills them. A mutant, a copy of one of the sources with a defect put in, has a program of its own.
PROVE := $(HOST_BUILD)/prove
HOST_FLAGS_prove := -O2 -DSTAMPEDE_MAX_ORDER=10
$(PROVE)/%: HOST_CFLAGS := -I$(PROVE)/scaled $(HOST_CFLAGS)
PROVE_SUBJECTS := buddy buddy_percpu buddy_scan
PROVE_OBJECTS := $(patsubst %.c,$(PROVE)/%.o,$(wildcard stress/prove/*.c) $(PROVE_SUBJECTS:%=mm/%.c) mm/walker.c \
	mm/page_allocator.c lib/bitmap.c lib/printf.c lib/prng.c lib/rules.c smp/spinlock.c)
HOST_OBJECTS += $(PROVE_OBJECTS)

$(PROVE)/scaled/mm/buddy_percpu.h: mm/buddy_percpu.h stress/prove/prove.mk
	@mkdir -p $(@D)
	@sed 's/CACHES = CPU_LIMIT,/CACHES = 2,/; s/CACHE_PAGES = 64,/CACHE_PAGES = 4,/; s/CACHE_BATCH = 32,/CACHE_BATCH = 2,/' $< >$@

$(eval $(call host_compile,prove))
$(PROVE_OBJECTS): $(PROVE)/scaled/mm/buddy_percpu.h

$(PROVE)/check: $(PROVE_OBJECTS)
	@echo "  LD  $@"
	@$(HOST_CC) $(HOST_CFLAGS) $(HOST_FLAGS_prove) -o $@ $^

define prove_mutant
$(PROVE)/mutants/$(1)/%: $(PROVE)/mutants/$(1)/%.c $(filter-out $(PROVE)/mm/$(1).o,$(PROVE_OBJECTS))
	@$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_prove) -o $$@ $$^
endef
$(foreach subject,$(PROVE_SUBJECTS),$(eval $(call prove_mutant,$(subject))))
