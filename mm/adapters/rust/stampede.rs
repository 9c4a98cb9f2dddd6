//! What an allocator under test that is written in Rust uses: the contract, as ci/rust-bindings makes it from
//! mm/page_allocator.h, and a few functions of the harness. docs/ALLOCATORS.md has a worked example.
//!
//! For rustc 1.63 and later.
#![no_std]

use core::ffi::c_void;

pub type Pfn = u64;
pub type PageError = u32;
pub type Rule = u32;
/// One free block, as for_each_free shows it: the context, its first page, its order. False stops the walk.
pub type PageVisitFree = Option<unsafe extern "C" fn(*mut c_void, Pfn, u32) -> bool>;

include!(env!("STAMPEDE_BINDINGS"));

extern "C" {
    fn fail(rule: Rule, format: *const u8, ...) -> !;
    fn log_line(format: *const u8, ...);
    fn spinlock_irq_lock(lock: *mut SpinlockIrq) -> u64;
    fn spinlock_irq_unlock(lock: *mut SpinlockIrq, flags: u64);
    fn stampede_cpu_number() -> u32;
    fn stampede_cpu_relax();
    fn stampede_irq_save() -> u64;
    fn stampede_irq_restore(flags: u64);
}

// Both are read by all cores; the functions in them say themselves what they may be called for.
unsafe impl Sync for PageAllocator {}
unsafe impl Sync for SpinlockIrq {}

/// Registers an allocator: `page_allocator!(EXAMPLE);` for a `static EXAMPLE: PageAllocator`, once a module.
#[macro_export]
macro_rules! page_allocator {
    ($allocator:path) => {
        #[used]
        #[link_section = "page_allocators"]
        static PAGE_ALLOCATOR_ENTRY: &$crate::PageAllocator = &$allocator;
    };
}

/// A NUL-terminated text for C.
#[macro_export]
macro_rules! c_text {
    ($text:literal) => {
        concat!($text, "\0").as_ptr()
    };
}

impl SpinlockIrq {
    /// A free lock; the name is c_text!("...").
    pub const fn new(name: *const u8) -> Self {
        Self { name, ..Self::NONE }
    }

    /// Turns interrupts off and takes the lock; returns their state before, for unlock(). The harness watches this lock.
    ///
    /// # Safety
    /// The lock stays where it is for as long as it is used.
    pub unsafe fn lock(this: *mut Self) -> u64 {
        spinlock_irq_lock(this)
    }

    /// Releases the lock, then brings back the state of interrupts that lock() returned.
    ///
    /// # Safety
    /// This core has the lock.
    pub unsafe fn unlock(this: *mut Self, flags: u64) {
        spinlock_irq_unlock(this, flags)
    }
}

/// The number of this core, from 0.
pub fn cpu_number() -> u32 {
    unsafe { stampede_cpu_number() }
}

/// PAUSE: in a loop that waits for another core.
pub fn cpu_relax() {
    unsafe { stampede_cpu_relax() }
}

/// Turns interrupts off on this core; returns their state before.
pub fn irq_save() -> u64 {
    unsafe { stampede_irq_save() }
}

/// Brings back a state of interrupts.
///
/// # Safety
/// It is what irq_save() returned on this core.
pub unsafe fn irq_restore(flags: u64) {
    stampede_irq_restore(flags)
}

/// A line in the log: a text, and a number after it.
pub fn log(text: &str, number: u64) {
    unsafe { log_line(c_text!("%.*s %llu"), text.len() as i32, text.as_ptr(), number) }
}

/// Ends the run as "panic", with the place.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    let (file, line) = info.location().map_or(("?", 0), |place| (place.file(), place.line()));
    unsafe { fail(RULE_PANIC, c_text!("Rust panicked at %.*s:%u"), file.len() as i32, file.as_ptr(), line) }
}
