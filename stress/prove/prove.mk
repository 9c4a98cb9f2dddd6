# The prover (stress/prove), which searches all states: the allocators' real sources, with smaller caches
# (stress/prove/include). Each mutant, a copy of a source with a defect, has its own program. arch/host/host.mk includes
# this.
PROVE := $(HOST_BUILD)/prove
HOST_FLAGS_prove := -O2 -DSTAMPEDE_MAX_ORDER=10
$(PROVE)/%: HOST_CFLAGS := -Istress/prove/include $(HOST_CFLAGS)
PROVE_OBJECTS := $(call host_objects,prove,$(SOURCES_PROVER))
HOST_OBJECTS += $(PROVE_OBJECTS)

$(eval $(call host_compile,prove))

$(PROVE)/check: $(PROVE_OBJECTS)
	$(SAY) LD $@
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(HOST_FLAGS_prove) -o $@ $^

define prove_mutant
$(PROVE)/mutants/$(1)/%: $(PROVE)/mutants/$(1)/%.c $(filter-out $(PROVE)/mm/$(1).o,$(PROVE_OBJECTS))
	$$(Q)$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_prove) -o $$@ $$^
endef
$(foreach subject,buddy buddy_percpu buddy_scan,$(eval $(call prove_mutant,$(subject))))
