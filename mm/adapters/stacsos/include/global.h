/*
 * Stand-in for StACSOS's lib/inc/global.h, which its build includes before every file. It has the
 * names that a page allocator may use without an include. Written for Stampede from the names and
 * their meanings.
 */
#pragma once

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using s8 = signed char;
using s16 = signed short;
using s32 = signed int;
using s64 = signed long;
using size_t = decltype(sizeof 0);
using ptrdiff_t = signed long;
using uintptr_t = unsigned long;
using intptr_t = signed long;
using uintmax_t = u64;
using intmax_t = s64;
using off_t = signed long;
using max_align_t = u64;

static const u16 U16_MAX = 0xffff;
static const u32 U32_MAX = 0xffffffff;

/* ---- pages ---- */

static const unsigned long PAGE_BITS = 12;
static const unsigned long PAGE_SIZE = 1ul << PAGE_BITS;
static const unsigned long PAGE_MASK = ~(PAGE_SIZE - 1);

#define PAGE_ALIGN_DOWN(address) ((address)&PAGE_MASK)
#define PAGE_ALIGN_UP(address)   PAGE_ALIGN_DOWN((address) + PAGE_SIZE - 1)

#define KB(count) ((count) << 10)
#define MB(count) (KB((u64)(count)) << 10)
#define GB(count) (MB(count) << 10)

/* ---- language ---- */

using va_list = __builtin_va_list;
#define va_start(list, last) __builtin_va_start(list, last)
#define va_arg(list, type)   __builtin_va_arg(list, type)
#define va_end(list)         __builtin_va_end(list)

#define __weak              __attribute__((weak))
#define __packed            __attribute__((packed))
#define __noreturn          __attribute__((noreturn))
#define __ctor              __attribute__((constructor))
#define __pure              __attribute__((pure))
#define __aligned(bytes)    __attribute__((aligned(bytes)))
#define __section(name)     __attribute__((section(name)))
#define __visibility(kind)  __attribute__((visibility(kind)))
#define __constexpr         constexpr
#define __unreachable()     __builtin_unreachable()
#define likely(condition)   (condition)
#define unlikely(condition) (condition)
#define ARRAY_SIZE(array)   (sizeof(array) / sizeof((array)[0]))

#define DELETE_DEFAULT_COPY_AND_MOVE(type) \
    type(const type &) = delete;           \
    type(type &&) = delete;                \
    type &operator=(const type &) = delete;

#define DEFINE_SINGLETON(type)         \
    DELETE_DEFAULT_COPY_AND_MOVE(type) \
                                       \
  public:                              \
    static type &get()                 \
    {                                  \
        static type only_one;          \
        return only_one;               \
    }

/* Defines the bitwise operators for an enum class of flags. */
#define DEFINE_ENUM_FLAG_OPERATIONS(type)              \
    constexpr type operator|(type left, type right)    \
    {                                                  \
        using number = __underlying_type(type);        \
        return type(number(left) | number(right));     \
    }                                                  \
    constexpr type operator&(type left, type right)    \
    {                                                  \
        using number = __underlying_type(type);        \
        return type(number(left) & number(right));     \
    }                                                  \
    constexpr type operator~(type flags)               \
    {                                                  \
        using number = __underlying_type(type);        \
        return type(~number(flags));                   \
    }                                                  \
    constexpr type &operator|=(type &left, type right) \
    {                                                  \
        return left = left | right;                    \
    }                                                  \
    constexpr type &operator&=(type &left, type right) \
    {                                                  \
        return left = left & right;                    \
    }

/* Placement new: constructs the object at `place`. */
inline void *operator new(size_t, void *place) noexcept
{
    return place;
}

/* ---- numbers ---- */

template <typename T>
constexpr T min(T left, T right)
{
    return right < left ? right : left;
}

template <typename T>
constexpr T max(T left, T right)
{
    return left < right ? right : left;
}

template <typename T>
constexpr T pow2(T exponent)
{
    return T(1) << exponent;
}

/* Rounded down. Undefined for 0, as the BSR instruction is. */
template <typename T>
constexpr T log2(T value)
{
    return T(63 - __builtin_clzll(u64(value)));
}

template <typename T>
constexpr T log2_ceil(T value)
{
    return T(log2(value) + ((value & (value - 1)) != 0));
}

template <typename T>
constexpr T byte_swap(T value)
{
    static_assert(sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8);
    return sizeof(T) == 2   ? T(__builtin_bswap16(u16(value)))
           : sizeof(T) == 4 ? T(__builtin_bswap32(u32(value)))
                            : T(__builtin_bswap64(u64(value)));
}

/* ---- ending the run ---- */

/* Ends the run as "panic", with this text. */
__noreturn void panic(const char *format, ...);

/* Called by a false assertion: ends the run as "panic", with the expression and its place. */
__noreturn void stacsos_assertion_failed(const char *expression, const char *file, int line);

#define assert(condition) \
    ((condition) ? (void)0 : stacsos_assertion_failed(#condition, __FILE__, __LINE__))

__noreturn static inline void abort()
{
    panic("abort()");
}

/* Ends the run at once. A real loop would only be reported by the watchdog. */
__noreturn static inline void hang_loop()
{
    panic("hang_loop()");
}

static inline void __relax()
{
    __asm__ volatile("pause");
}
