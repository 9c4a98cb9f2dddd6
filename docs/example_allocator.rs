//! docs/example-allocator.c in Rust: one byte a page, first fit. docs/ALLOCATORS.md says how it is compiled.
#![no_std]

use core::ffi::c_void;
use stampede::*;

const ABSENT: u8 = 0; // what the byte of a page says
const FREE: u8 = 1;
const HELD: u8 = 2;

#[repr(C)]
struct Pool {
    lock: SpinlockIrq,
    start: Pfn,
    end: Pfn,
    map: *mut u8,
}

/// What only the holder of the lock may touch.
struct Locked {
    pool: *mut Pool,
    flags: u64,
}

impl Locked {
    unsafe fn new(memory: *mut c_void) -> Self {
        let pool = memory as *mut Pool;
        let flags = SpinlockIrq::lock(core::ptr::addr_of_mut!((*pool).lock));
        Self { pool, flags }
    }

    /// The bytes of the pages [pfn, pfn + count).
    fn pages(&mut self, pfn: Pfn, count: u64) -> &mut [u8] {
        unsafe {
            let pool = &*self.pool;
            core::slice::from_raw_parts_mut(pool.map.add((pfn - pool.start) as usize), count as usize)
        }
    }

    fn all_are(&mut self, pfn: Pfn, count: u64, state: u8) -> bool {
        self.pages(pfn, count).iter().all(|page| *page == state)
    }

    /// The first run of free pages at a multiple of its length.
    fn find(&mut self, count: u64) -> Option<Pfn> {
        let (start, end) = unsafe { ((*self.pool).start, (*self.pool).end) };
        let mut pfn = (start + count - 1) & !(count - 1);
        while pfn + count <= end {
            if self.all_are(pfn, count, FREE) {
                return Some(pfn);
            }
            pfn += count;
        }
        None
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        unsafe { SpinlockIrq::unlock(core::ptr::addr_of_mut!((*self.pool).lock), self.flags) }
    }
}

unsafe extern "C" fn metadata_size(start: Pfn, end: Pfn) -> usize {
    (end - start) as usize
}

unsafe extern "C" fn init(memory: *mut c_void, metadata: *mut c_void, start: Pfn, end: Pfn) {
    let lock = SpinlockIrq::new(c_text!("example"));
    (memory as *mut Pool).write(Pool { lock, start, end, map: metadata as *mut u8 });
}

unsafe extern "C" fn insert_pages(memory: *mut c_void, start: Pfn, count: u64) -> PageError {
    let mut pool = Locked::new(memory);
    if !pool.all_are(start, count, ABSENT) {
        return PAGE_ALREADY_IN;
    }
    pool.pages(start, count).fill(FREE);
    PAGE_OK
}

unsafe extern "C" fn allocate_pages(memory: *mut c_void, order: u32) -> Pfn {
    if order > MAX_ORDER {
        return INVALID_PFN;
    }
    let mut pool = Locked::new(memory);
    match pool.find(1 << order) {
        Some(pfn) => {
            pool.pages(pfn, 1 << order).fill(HELD);
            pfn
        }
        None => INVALID_PFN,
    }
}

unsafe extern "C" fn free_pages(memory: *mut c_void, pfn: Pfn, order: u32) -> PageError {
    Locked::new(memory).pages(pfn, 1 << order).fill(FREE);
    PAGE_OK
}

static EXAMPLE: PageAllocator = PageAllocator {
    name: c_text!("rust-example"),
    promises: PROMISE_SMP_SAFE
        | PROMISE_IRQ_SAFE
        | PROMISE_COALESCES
        | PROMISE_TRUE_OOM
        | PROMISE_INSTANCEABLE
        | PROMISE_METADATA_OUTSIDE,
    pool_size: core::mem::size_of::<Pool>(),
    metadata_size: Some(metadata_size),
    init: Some(init),
    insert_pages: Some(insert_pages),
    allocate_pages: Some(allocate_pages),
    free_pages: Some(free_pages),
    ..PageAllocator::NONE
};
page_allocator!(EXAMPLE);
