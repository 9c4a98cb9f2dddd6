/*
 * The functions that the compiler's -fsanitize=thread calls at each access. Their arguments are
 * those of compiler-rt, tsan_interface.h and tsan_interface_atomic.h. This file is not
 * instrumented.
 */
#include <lib/string.h>
#include <stddef.h>
#include <stress/explore/simulator.h>

#define HERE __builtin_return_address(0)

static void observe(const volatile void *address, size_t size, unsigned kind, const void *at)
{
    if (simulator_observes())
        simulator_access((uintptr_t)address, (unsigned)size, kind, at);
}

/* ---- plain accesses ---- */

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

/* Kernels use volatile as a relaxed atomic (READ_ONCE, a word that a loop waits for). */
#define VOLATILE_READ  (ACCESS_READ | ACCESS_ATOMIC)
#define VOLATILE_WRITE (ACCESS_WRITE | ACCESS_ATOMIC)

#define PLAIN(name, size, kind)             \
    void name(void *address);               \
    void name(void *address)                \
    {                                       \
        observe(address, size, kind, HERE); \
    }

#define PLAIN_OF_SIZE(size)                                          \
    PLAIN(__tsan_read##size, size, ACCESS_READ)                      \
    PLAIN(__tsan_write##size, size, ACCESS_WRITE)                    \
    PLAIN(__tsan_unaligned_read##size, size, ACCESS_READ)            \
    PLAIN(__tsan_unaligned_write##size, size, ACCESS_WRITE)          \
    PLAIN(__tsan_volatile_read##size, size, VOLATILE_READ)           \
    PLAIN(__tsan_volatile_write##size, size, VOLATILE_WRITE)         \
    PLAIN(__tsan_unaligned_volatile_read##size, size, VOLATILE_READ) \
    PLAIN(__tsan_unaligned_volatile_write##size, size, VOLATILE_WRITE)

PLAIN_OF_SIZE(1)
PLAIN_OF_SIZE(2)
PLAIN_OF_SIZE(4)
PLAIN_OF_SIZE(8)
PLAIN_OF_SIZE(16)

#define RANGE(name, kind)                   \
    void name(void *address, size_t size);  \
    void name(void *address, size_t size)   \
    {                                       \
        observe(address, size, kind, HERE); \
    }

RANGE(__tsan_read_range, ACCESS_READ)
RANGE(__tsan_write_range, ACCESS_WRITE)

void __tsan_vptr_update(void **address, void *value);
void __tsan_vptr_update(void **address, void *value)
{
    (void)value;
    observe(address, sizeof(*address), ACCESS_WRITE, HERE);
}

PLAIN(__tsan_vptr_read, sizeof(void *), ACCESS_READ)

/* Instrumented code calls these instead of memset() and so on, by -D options (ci/build.mk). */
void *explore_memset(void *to, int byte, size_t size);
void *explore_memset(void *to, int byte, size_t size)
{
    observe(to, size, ACCESS_WRITE, HERE);
    return memset(to, byte, size);
}

void *explore_memcpy(void *to, const void *from, size_t size);
void *explore_memcpy(void *to, const void *from, size_t size)
{
    observe(from, size, ACCESS_READ, HERE);
    observe(to, size, ACCESS_WRITE, HERE);
    return memcpy(to, from, size);
}

void *explore_memmove(void *to, const void *from, size_t size);
void *explore_memmove(void *to, const void *from, size_t size)
{
    observe(from, size, ACCESS_READ, HERE);
    observe(to, size, ACCESS_WRITE, HERE);
    return memmove(to, from, size);
}

/* ---- atomics: one core executes them all, in the order of the calls ---- */

/* The flags of a memory_order. consume counts as acquire. */
static unsigned order_of(int order)
{
    switch (order) {
    case __ATOMIC_CONSUME:
    case __ATOMIC_ACQUIRE:
        return ACCESS_ACQUIRE;
    case __ATOMIC_RELEASE:
        return ACCESS_RELEASE;
    case __ATOMIC_RELAXED:
        return 0;
    default:
        return ACCESS_ACQUIRE | ACCESS_RELEASE;
    }
}

#define MODIFY (ACCESS_ATOMIC | ACCESS_WRITE | ACCESS_MODIFY)

#define LOAD_AND_STORE(bits, type)                                                                \
    type __tsan_atomic##bits##_load(const volatile type *address, int order);                     \
    type __tsan_atomic##bits##_load(const volatile type *address, int order)                      \
    {                                                                                             \
        observe(address, sizeof(type), ACCESS_ATOMIC | (order_of(order) & ACCESS_ACQUIRE), HERE); \
        return __atomic_load_n(address, __ATOMIC_RELAXED);                                        \
    }                                                                                             \
    void __tsan_atomic##bits##_store(volatile type *address, type value, int order);              \
    void __tsan_atomic##bits##_store(volatile type *address, type value, int order)               \
    {                                                                                             \
        observe(address, sizeof(type),                                                            \
                ACCESS_ATOMIC | ACCESS_WRITE | (order_of(order) & ACCESS_RELEASE), HERE);         \
        __atomic_store_n(address, value, __ATOMIC_RELAXED);                                       \
    }

#define FETCH(bits, type, name, function)                                             \
    type __tsan_atomic##bits##_##name(volatile type *address, type value, int order); \
    type __tsan_atomic##bits##_##name(volatile type *address, type value, int order)  \
    {                                                                                 \
        observe(address, sizeof(type), MODIFY | order_of(order), HERE);               \
        return function(address, value, __ATOMIC_SEQ_CST);                            \
    }

static void observe_compare(const volatile void *address, size_t size, uint64_t expected, int order,
                            int failure, const void *at)
{
    if (simulator_observes())
        simulator_compare((uintptr_t)address, (unsigned)size, expected, MODIFY | order_of(order),
                          ACCESS_ATOMIC | (order_of(failure) & ACCESS_ACQUIRE), at);
}

#define COMPARE(bits, type, name)                                                             \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *address, type *expected, \
                                                      type value, int order, int failure);    \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *address, type *expected, \
                                                      type value, int order, int failure)     \
    {                                                                                         \
        observe_compare(address, sizeof(type), *expected, order, failure, HERE);              \
        return __atomic_compare_exchange_n(address, expected, value, 0, __ATOMIC_SEQ_CST,     \
                                           __ATOMIC_SEQ_CST);                                 \
    }

#define COMPARE_VALUE(bits, type)                                                          \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *address, type expected, \
                                                    type value, int order, int failure);   \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *address, type expected, \
                                                    type value, int order, int failure)    \
    {                                                                                      \
        observe_compare(address, sizeof(type), expected, order, failure, HERE);            \
        __atomic_compare_exchange_n(address, &expected, value, 0, __ATOMIC_SEQ_CST,        \
                                    __ATOMIC_SEQ_CST);                                     \
        return expected;                                                                   \
    }

#define ATOMICS(bits, type)                            \
    LOAD_AND_STORE(bits, type)                         \
    FETCH(bits, type, exchange, __atomic_exchange_n)   \
    FETCH(bits, type, fetch_add, __atomic_fetch_add)   \
    FETCH(bits, type, fetch_sub, __atomic_fetch_sub)   \
    FETCH(bits, type, fetch_and, __atomic_fetch_and)   \
    FETCH(bits, type, fetch_or, __atomic_fetch_or)     \
    FETCH(bits, type, fetch_xor, __atomic_fetch_xor)   \
    FETCH(bits, type, fetch_nand, __atomic_fetch_nand) \
    COMPARE(bits, type, strong)                        \
    COMPARE(bits, type, weak)                          \
    COMPARE_VALUE(bits, type)

ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    if (simulator_observes())
        simulator_fence(order_of(order));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
    (void)order;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
