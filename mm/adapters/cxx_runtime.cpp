/*
 * Linked with allocators in C++. There is no heap, so new and delete end the run. Destructors of
 * global objects never run, because the program never ends normally.
 */
extern "C" {
#include <lib/fail.h>

void *__dso_handle;

void __cxa_pure_virtual()
{
    fail(RULE_PANIC, "a pure virtual function was called");
}

int __cxa_atexit(void (*)(void *), void *, void *)
{
    return 0;
}
}

[[noreturn]] static void no_heap()
{
    fail(RULE_PANIC, "new or delete: a page allocator has no heap");
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
