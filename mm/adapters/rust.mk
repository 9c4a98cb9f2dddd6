# ALLOCATOR=mine.rs: a crate of its own. It becomes an archive, with the parts of Rust's core that
# it needs. Included by user.mk.
#
# If rustc has core for x86_64-unknown-none, all code is compiled for kernels: no SSE, no red zone.
# Debian's rustc has core for Linux only. Then the allocator's own code is compiled without SSE and
# red zone, but precompiled functions of core use both. Code that uses no floating-point numbers and
# formats no text calls none of these but the ones that panic.

RUSTC       := rustc
RUST_KERNEL := $(if $(wildcard $(shell $(RUSTC) --print sysroot 2>/dev/null)/lib/rustlib/x86_64-unknown-none/lib/libcore-*.rlib),yes)
RUST_FLAGS  := --edition=2021 -O -g -C panic=abort -C relocation-model=static -C code-model=small -C no-redzone=yes \
    -C force-frame-pointers=yes -C codegen-units=1 -C embed-bitcode=no --cap-lints=warn \
    $(if $(RUST_KERNEL),--target x86_64-unknown-none,-C target-feature=-sse,-sse2)
RUST_HOME   := $(OUT)/user/rust
# rustc would take MAKEFLAGS for the flags of a make that it runs under.
RUST_BUILD  := env -u MAKEFLAGS -u MFLAGS STAMPEDE_BINDINGS='$(abspath $(RUST_HOME))/bindings.rs' $(RUSTC) $(RUST_FLAGS)
# Drops the warnings that are about the flags, not about the user's code.
RUST_QUIET  := 2>&1 | sed '/^warning: .*\(target feature\|target-feature\|unstable feature\)/,/^$$/d; /^warning: [0-9]* warnings\{0,1\} emitted/,/^$$/d' >&2

$(RUST_HOME)/bindings.rs: ci/rust-bindings mm/page_allocator.h smp/spinlock.h $(OUT)/user/which
	@mkdir -p $(@D)
	@command -v $(RUSTC) >/dev/null || { echo '$(RUSTC) is missing, which compiles $(USER_RUST): ci/install-deps rust installs it' >&2; exit 1; }
	$(Q)ci/rust-bindings $(CC) $(CPPFLAGS) >$@ || { rm -f $@; exit 1; }

$(RUST_HOME)/libstampede.rlib: mm/adapters/rust/stampede.rs $(RUST_HOME)/bindings.rs
	$(SAY) RUSTC $<
	$(Q)$(RUST_BUILD) --crate-type=rlib --crate-name=stampede -o $@ $< $(RUST_QUIET); test -f $@

define rust_rule
$(RUST_HOME)/lib$(notdir $(basename $(1))).a: $(1) $(RUST_HOME)/libstampede.rlib
	$$(SAY) RUSTC $$<
	@rm -f $$@
	$$(Q)$$(RUST_BUILD) --crate-type=staticlib --extern stampede=$(RUST_HOME)/libstampede.rlib $$(USER_RUSTFLAGS) --emit=link=$$@,dep-info=$$@.d $$< $$(RUST_QUIET); \
	    test -f $$@ $$(this_is_yours)
	@sed -i 's|^$$(@F):|$$@:|' $$@.d
endef
USER_RUST_ARCHIVES := $(patsubst %,$(RUST_HOME)/lib%.a,$(notdir $(basename $(USER_RUST))))
-include $(patsubst %,$(RUST_HOME)/lib%.a.d,$(notdir $(basename $(USER_RUST))))
$(foreach file,$(USER_RUST),$(eval $(call rust_rule,$(file))))
