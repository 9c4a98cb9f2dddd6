/*
 * Linked with allocators written in C++. There is no heap, so new and delete give up; destructors
 * of global objects are never run, as nothing ends but the machine.
 */
extern "C" {
#include <lib/fail.h>
#include <mm/adapters/cxx_runtime.h>

using constructor = void();
extern constructor *const __init_array_start[];
extern constructor *const __init_array_end[];

void *__dso_handle;

void __cxa_pure_virtual()
{
    fail("panic", "a pure virtual function was called");
}

int __cxa_atexit(void (*)(void *), void *, void *)
{
    return 0;
}

void cxx_run_constructors(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    for (constructor *const *next = __init_array_start; next < __init_array_end; next++)
        (*next)();
}
}

[[noreturn]] static void no_heap()
{
    fail("panic", "new or delete: a page allocator has no heap");
}

void *operator new(decltype(sizeof 0))
{
    no_heap();
}

void *operator new[](decltype(sizeof 0))
{
    no_heap();
}

void operator delete(void *) noexcept
{
    no_heap();
}

void operator delete[](void *) noexcept
{
    no_heap();
}

void operator delete(void *, decltype(sizeof 0)) noexcept
{
    no_heap();
}

void operator delete[](void *, decltype(sizeof 0)) noexcept
{
    no_heap();
}
