# STACSOS=page-allocator-buddy.cpp (docs/STACSOS.md). Included by mm/adapters/adapters.mk.

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

# The promises that the user takes back: by the variable, or by a comment in the file such as
# "STACSOS_PROMISES: -coalesces -true-oom".
stacsos_comma  := ,
stacsos_back   := $(subst $(stacsos_comma), ,$(or $(STACSOS_PROMISES),$(filter-out none,$(word 5,$(STACSOS_FOUND)))))
stacsos_names  := coalesces=COALESCES true-oom=TRUE_OOM smallest-fit=SMALLEST_FIT frees-parts=FREES_PARTS metadata-outside=METADATA_OUTSIDE
stacsos_left   = $(firstword $(subst =, ,$(1)))
stacsos_right  = $(lastword $(subst =, ,$(1)))
stacsos_known  := $(foreach name,$(stacsos_names),-$(call stacsos_left,$(name)))
$(if $(filter-out $(stacsos_known),$(stacsos_back)),$(error STACSOS_PROMISES=$(stacsos_back): what can be taken back is $(stacsos_known)))
STACSOS_TAKEN_BACK := (0$(foreach name,$(stacsos_names),$(if $(filter -$(call stacsos_left,$(name)),$(stacsos_back)), | PROMISE_$(call stacsos_right,$(name)))))
# One word, because build settings are recorded as words.
override STACSOS_PROMISES := $(subst $(subst ,, ),$(stacsos_comma),$(strip $(stacsos_back)))

USER_FILES     := $(STACSOS_SOURCE) $(STACSOS_HEADER) $(STACSOS_YEAR) $(STACSOS_LOCKER) $(STACSOS_PROMISES)
OUT            := $(shell ci/own-folder \
    '$(COMMON)-stacsos$(STACSOS_YEAR)-$(notdir $(patsubst %/,%,$(dir $(lastword $(abspath $(STACSOS_SOURCE))))))' '$(STACSOS_SOURCE)')
STACSOS_HOME   := mm/adapters/stacsos
STACSOS_CALLED := $(if $(STACSOS_LOCK),called $(if $(filter student,$(STACSOS_LOCK)),without,under) the adapter'"'"'s lock as asked,$(if \
    $(filter student,$(STACSOS_LOCKER)),with its own lock,without a lock: the adapter has one))
# Headers without a stand-in come from the user's StACSOS tree, if the file lies in one.
STACSOS_ROOT   := $(dir $(STACSOS_SOURCE))../../..
STACSOS_AFTER  := $(addprefix -idirafter ,$(wildcard $(STACSOS_ROOT)/kernel/inc $(STACSOS_ROOT)/lib/inc))
STACSOS_COMMON := -std=gnu++2b $(CXX_COMMON) -nostdinc -fno-delete-null-pointer-checks \
                  -include $(STACSOS_HOME)/include/global.h -include $(STACSOS_HOME)/include/stacsos/kernel/kernel-global.h
# The user's header is found through the first folder. Its warnings are shown once, with the user's
# own file and not again with the bridge.
STACSOS_FIRST  := $(OUT)/include $(STACSOS_HOME)/include-$(STACSOS_YEAR) $(STACSOS_HOME)/include
STACSOS_FLAGS  := $(STACSOS_COMMON) $(addprefix -I,$(STACSOS_FIRST)) $(STACSOS_AFTER)
STACSOS_BRIDGE_FLAGS := $(STACSOS_COMMON) $(addprefix -isystem ,$(STACSOS_FIRST)) $(STACSOS_AFTER)
# Variables of objects in "user" belong to the student; they are restored for each new pool
# (stress/statics.h).
STACSOS_C      := $(patsubst %,$(OUT)/adapter/%.o,adapter lock misuse runtime)
USER_OBJECTS   := $(OUT)/user/page-allocator-buddy.o $(OUT)/user/bridge_$(STACSOS_YEAR).o $(OUT)/adapter/runtime-cxx.o \
                  $(OUT)/adapter/as-usual.o $(STACSOS_C) $(OUT)/user/cxx_runtime.o
USER_CXX       := $(STACSOS_SOURCE)
STACSOS_PROXY  := $(if $(STACSOS_HEADER),$(OUT)/include/stacsos/kernel/mem/page-allocator-buddy.h)

# Makes <stacsos/kernel/mem/page-allocator-buddy.h> the user's header, wherever that lies.
$(STACSOS_PROXY): $(OUT)/user/which
	@mkdir -p $(@D)
	@echo '#include "$(subst ','\'',$(STACSOS_HEADER))"' >$@

$(OUT)/user/page-allocator-buddy.o: $(STACSOS_SOURCE) $(STACSOS_PROXY) $(OUT)/user/which
	$(SAY) 'CXX $< (StACSOS $(STACSOS_YEAR), $(STACSOS_CALLED))'
	$(Q)$(CXX) $(STACSOS_FLAGS) $(INSTRUMENT) -MMD -MP -c -o $@ $< $(this_is_yours)

# No -Werror, because functions of the user's header are inlined here.
$(OUT)/user/bridge_$(STACSOS_YEAR).o: $(OUT)/user/%.o: $(STACSOS_HOME)/%.cpp $(STACSOS_PROXY) $(OUT)/user/which
	$(SAY) CXX $<
	$(Q)$(CXX) $(STACSOS_BRIDGE_FLAGS) -MD -MP -c -o $@ $< || \
	    { echo '$(or $(STACSOS_HEADER),$(STACSOS_SOURCE)): the class does not fit the interface of $(STACSOS_YEAR) (docs/STACSOS.md)' >&2; exit 1; }

$(OUT)/adapter/runtime-cxx.o: $(STACSOS_HOME)/runtime.cpp $(OUT)/user/which
	@mkdir -p $(@D)
	$(SAY) CXX $<
	$(Q)$(CXX) $(STACSOS_FLAGS) -Werror -MMD -MP -c -o $@ $<

$(STACSOS_C): $(OUT)/adapter/%.o: $(STACSOS_HOME)/%.c $(OUT)/user/which
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The same code becomes several allocators (mm/adapters/stacsos/adapter.h): the usual one, and those
# of further stages.
RUN_STAGES     := $(if $(filter adapter,$(STACSOS_LOCKER)),unguarded) $(if $(HARDENING),hardening)
STACSOS_MISUSES := double-free=DOUBLE_FREE inner-free=INNER_FREE wrong-order=WRONG_ORDER misaligned=MISALIGNED \
                  bad-order=BAD_ORDER foreign=FOREIGN double-insert=DOUBLE_INSERT inner-insert=INNER_INSERT
STACSOS_GUARD  := $(if $(filter adapter,$(STACSOS_LOCKER)),STACSOS_GUARDED,0)
# The suffix and the ways of each object.
as-usual_IS    := -DSTACSOS_SUFFIX='""' -DSTACSOS_WAYS='$(STACSOS_GUARD)'
unguarded_IS   := -DSTACSOS_SUFFIX='"-unguarded"' -DSTACSOS_WAYS=0
$(foreach misuse,$(STACSOS_MISUSES),$(eval $(call stacsos_left,$(misuse))_IS := \
    -DSTACSOS_SUFFIX='"-$(call stacsos_left,$(misuse))"' -DSTACSOS_WAYS='($(STACSOS_GUARD) | STACSOS_$(call stacsos_right,$(misuse)))'))
STAGE_OBJECTS  := $(foreach misuse,unguarded $(STACSOS_MISUSES),$(OUT)/adapter/$(call stacsos_left,$(misuse)).o)
-include $(STAGE_OBJECTS:.o=.d)

$(OUT)/adapter/as-usual.o $(STAGE_OBJECTS): $(OUT)/adapter/%.o: $(STACSOS_HOME)/allocator_$(STACSOS_YEAR).c $(OUT)/user/which
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $($*_IS) -DSTACSOS_TAKEN_BACK='$(STACSOS_TAKEN_BACK)' \
	    -DSTACSOS_WHY='"$(if $(STACSOS_LOCK),STACSOS_LOCK=adapter,no lock in this file)"' -MMD -MP -c -o $@ $<
endif
