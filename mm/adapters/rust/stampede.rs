//! For allocators under test in Rust: the contract, which ci/rust-bindings translates from
//! mm/page_allocator.h, and a few functions of the harness. docs/ALLOCATORS.md has a worked example.
//!
//! For rustc 1.63 and later.
#![no_std]

use core::ffi::c_void;

pub type Pfn = u64;
pub type PageError = u32;
pub type Rule = u32;
/// Receives one free block from for_each_free: the context, the first pfn, the order. Returning
/// false stops the walk.
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

// All cores share both. Their functions are unsafe, and say what a caller must ensure.
unsafe impl Sync for PageAllocator {}
unsafe impl Sync for SpinlockIrq {}

/// Registers an allocator: `page_allocator!(EXAMPLE);` for a `static EXAMPLE: PageAllocator`, once
/// in a module.
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
    /// A lock that is free. `name` is made by c_text!("...").
    pub const fn new(name: *const u8) -> Self {
        Self { name, ..Self::NONE }
    }

    /// Turns interrupts off and takes the lock. Returns the interrupt state from before, for
    /// unlock(). The harness watches this lock.
    ///
    /// # Safety
    /// The lock must not move as long as it is used.
    pub unsafe fn lock(this: *mut Self) -> u64 {
        spinlock_irq_lock(this)
    }

    /// Releases the lock, then restores the interrupt state that lock() returned.
    ///
    /// # Safety
    /// This core must hold the lock.
    pub unsafe fn unlock(this: *mut Self, flags: u64) {
        spinlock_irq_unlock(this, flags)
    }
}

/// The number of this core, from 0.
pub fn cpu_number() -> u32 {
    unsafe { stampede_cpu_number() }
}

/// The PAUSE instruction, for a loop that waits for another core.
pub fn cpu_relax() {
    unsafe { stampede_cpu_relax() }
}

/// Turns interrupts off on this core. Returns the state from before, for irq_restore().
pub fn irq_save() -> u64 {
    unsafe { stampede_irq_save() }
}

/// Restores an interrupt state.
///
/// # Safety
/// `flags` must come from irq_save() on this core.
pub unsafe fn irq_restore(flags: u64) {
    stampede_irq_restore(flags)
}

/// Prints a line in the log: a text and a number.
pub fn log(text: &str, number: u64) {
    unsafe { log_line(c_text!("%.*s %llu"), text.len() as i32, text.as_ptr(), number) }
}

/// Ends the run as "panic", with the file and the line.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    let (file, line) = info.location().map_or(("?", 0), |place| (place.file(), place.line()));
    unsafe { fail(RULE_PANIC, c_text!("Rust panicked at %.*s:%u"), file.len() as i32, file.as_ptr(), line) }
}
