# STACSOS=page-allocator-buddy.cpp (docs/STACSOS.md): a part of mm/adapters/adapters.mk.

ifneq ($(STACSOS),)
ifneq ($(MAX_ORDER),16)
$(error STACSOS= is for MAX_ORDER=16: its largest order is that)
endif
STACSOS_FOUND := $(shell ci/stacsos-generation --all --generation=$(STACSOS_GENERATION) $(STACSOS))
$(if $(STACSOS_FOUND),,$(error STACSOS=$(STACSOS): the interface is not known))
STACSOS_YEAR   := $(word 1,$(STACSOS_FOUND))
STACSOS_LOCKER := $(or $(STACSOS_LOCK),$(word 2,$(STACSOS_FOUND)))
$(if $(filter adapter student,$(STACSOS_LOCKER)),,$(error STACSOS_LOCK is adapter or student))
STACSOS_SOURCE := $(word 3,$(STACSOS_FOUND))
STACSOS_HEADER := $(abspath $(filter-out -,$(word 4,$(STACSOS_FOUND))))
USER_FILES     := $(STACSOS_SOURCE) $(STACSOS_HEADER) $(STACSOS_YEAR) $(STACSOS_LOCKER)
OUT            := $(COMMON)-stacsos$(STACSOS_YEAR)-$(notdir $(patsubst %/,%,$(dir $(lastword $(abspath $(STACSOS_SOURCE))))))
STACSOS_HOME   := mm/adapters/stacsos
# Headers that the stand-ins lack come from the user's checkout, if it is one.
STACSOS_ROOT   := $(dir $(STACSOS_SOURCE))../../..
STACSOS_AFTER  := $(addprefix -idirafter ,$(wildcard $(STACSOS_ROOT)/kernel/inc $(STACSOS_ROOT)/lib/inc))
STACSOS_COMMON := -std=gnu++2b $(CXX_COMMON) -nostdinc -fno-delete-null-pointer-checks \
                  -include $(STACSOS_HOME)/include/global.h -include $(STACSOS_HOME)/include/stacsos/kernel/kernel-global.h
# The user's header is one of the first folder. Its warnings are shown with the user's own file, not again with the bridge.
STACSOS_FIRST  := $(OUT)/include $(STACSOS_HOME)/include-$(STACSOS_YEAR) $(STACSOS_HOME)/include
STACSOS_FLAGS  := $(STACSOS_COMMON) $(addprefix -I,$(STACSOS_FIRST)) $(STACSOS_AFTER)
STACSOS_BRIDGE_FLAGS := $(STACSOS_COMMON) $(addprefix -isystem ,$(STACSOS_FIRST)) $(STACSOS_AFTER)
STACSOS_C      := adapter allocator_$(STACSOS_YEAR) lock_$(STACSOS_LOCKER) runtime
USER_OBJECTS   := $(OUT)/user/page-allocator-buddy.o $(OUT)/user/bridge_$(STACSOS_YEAR).o $(OUT)/user/runtime-cxx.o \
                  $(patsubst %,$(OUT)/user/%.o,$(STACSOS_C)) $(OUT)/user/cxx_runtime.o
USER_CXX       := $(STACSOS_SOURCE)
STACSOS_PROXY  := $(if $(STACSOS_HEADER),$(OUT)/include/stacsos/kernel/mem/page-allocator-buddy.h)

# <stacsos/kernel/mem/page-allocator-buddy.h> is the user's, wherever it lies.
$(STACSOS_PROXY): $(OUT)/user/which
	@mkdir -p $(@D)
	@echo '#include "$(subst ','\'',$(STACSOS_HEADER))"' >$@

$(OUT)/user/page-allocator-buddy.o: $(STACSOS_SOURCE) $(STACSOS_PROXY) $(OUT)/user/which
	$(SAY) 'CXX $< (StACSOS $(STACSOS_YEAR), $(if $(filter student,$(STACSOS_LOCKER)),with its own lock,without a lock: the adapter has one))'
	$(Q)$(CXX) $(STACSOS_FLAGS) $(INSTRUMENT) -MMD -MP -c -o $@ $< $(this_is_yours)

# No -Werror: functions of the user's header are inlined here.
$(OUT)/user/bridge_$(STACSOS_YEAR).o: $(OUT)/user/%.o: $(STACSOS_HOME)/%.cpp $(STACSOS_PROXY) $(OUT)/user/which
	$(SAY) CXX $<
	$(Q)$(CXX) $(STACSOS_BRIDGE_FLAGS) -MD -MP -c -o $@ $< || \
	    { echo '$(or $(STACSOS_HEADER),$(STACSOS_SOURCE)): the class does not fit the interface of $(STACSOS_YEAR) (docs/STACSOS.md)' >&2; exit 1; }

$(OUT)/user/runtime-cxx.o: $(STACSOS_HOME)/runtime.cpp $(OUT)/user/which
	$(SAY) CXX $<
	$(Q)$(CXX) $(STACSOS_FLAGS) -Werror -MMD -MP -c -o $@ $<

$(patsubst %,$(OUT)/user/%.o,$(STACSOS_C)): $(OUT)/user/%.o: $(STACSOS_HOME)/%.c $(OUT)/user/which
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
endif
