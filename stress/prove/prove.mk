# The search through all states (stress/prove): the allocators' own sources, with smaller caches (stress/prove/include).
# A mutant, a copy of one of the sources with a defect put in, has a program of its own. Included by arch/host/host.mk.
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
