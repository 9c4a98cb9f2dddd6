/*
 * Functions that compilers call for integer operations that the processor has no instruction for.
 * Here are those of the "Integer library routines" of the GCC internals manual that code for x86-64
 * can need.
 *
 * The compiler's own libgcc will not do. It is compiled with a red zone, which an interrupt on the
 * same stack overwrites.
 */
#include <stdint.h>

typedef unsigned __int128 u128;
typedef __int128 s128;

u128 __udivmodti4(u128 dividend, u128 divisor, u128 *remainder);
u128 __udivti3(u128 dividend, u128 divisor);
u128 __umodti3(u128 dividend, u128 divisor);
s128 __divti3(s128 dividend, s128 divisor);
s128 __modti3(s128 dividend, s128 divisor);
s128 __multi3(s128 left, s128 right);
int __popcountsi2(uint32_t value);
int __popcountdi2(uint64_t value);
int __popcountti2(u128 value);
int __paritysi2(uint32_t value);
int __paritydi2(uint64_t value);
int __clzsi2(uint32_t value);
int __clzdi2(uint64_t value);
int __clzti2(u128 value);
int __ctzsi2(uint32_t value);
int __ctzdi2(uint64_t value);
int __ctzti2(u128 value);
int __ffsdi2(uint64_t value);
int __ffsti2(u128 value);
uint32_t __bswapsi2(uint32_t value);
uint64_t __bswapdi2(uint64_t value);

static uint64_t high_half(u128 value)
{
    return (uint64_t)(value >> 64);
}

/*
 * Computes one bit of the quotient in each turn, the highest first. The remainder stays below the
 * divisor.
 */
u128 __udivmodti4(u128 dividend, u128 divisor, u128 *remainder)
{
    u128 quotient = 0, rest = 0;

    if (divisor == 0)
        __builtin_trap(); /* #UD; the instruction's own division by 0 is #DE */
    for (int bit = 127; bit >= 0; bit--) {
        uint64_t carry = high_half(rest) >> 63;
        rest = rest << 1 | (dividend >> bit & 1);
        if (carry || rest >= divisor) {
            rest -= divisor;
            quotient |= (u128)1 << bit;
        }
    }
    if (remainder)
        *remainder = rest;
    return quotient;
}

u128 __udivti3(u128 dividend, u128 divisor)
{
    return __udivmodti4(dividend, divisor, 0);
}

u128 __umodti3(u128 dividend, u128 divisor)
{
    u128 remainder;

    __udivmodti4(dividend, divisor, &remainder);
    return remainder;
}

static u128 magnitude(s128 value)
{
    return value < 0 ? -(u128)value : (u128)value;
}

s128 __divti3(s128 dividend, s128 divisor)
{
    u128 quotient = __udivti3(magnitude(dividend), magnitude(divisor));

    return (s128)((dividend < 0) != (divisor < 0) ? -quotient : quotient);
}

s128 __modti3(s128 dividend, s128 divisor)
{
    u128 remainder = __umodti3(magnitude(dividend), magnitude(divisor));

    return (s128)(dividend < 0 ? -remainder : remainder);
}

/*
 * One instruction multiplies the two low halves. The products with a high half are added to the
 * upper half.
 */
s128 __multi3(s128 left, s128 right)
{
    uint64_t low_left = (uint64_t)left, low_right = (uint64_t)right;
    uint64_t high = high_half((u128)left) * low_right + low_left * high_half((u128)right);

    return (s128)((u128)low_left * low_right + ((u128)high << 64));
}

int __popcountdi2(uint64_t value)
{
    int count = 0;

    for (; value; value &= value - 1) /* clears the lowest bit that is set */
        count++;
    return count;
}

int __popcountsi2(uint32_t value)
{
    return __popcountdi2(value);
}

int __popcountti2(u128 value)
{
    return __popcountdi2((uint64_t)value) + __popcountdi2(high_half(value));
}

int __paritydi2(uint64_t value)
{
    return __popcountdi2(value) & 1;
}

int __paritysi2(uint32_t value)
{
    return __popcountdi2(value) & 1;
}

/* Halving the value until it is 0 takes as many turns as it has bits. */
int __clzdi2(uint64_t value)
{
    int zeros = 64;

    for (; value; value >>= 1)
        zeros--;
    return zeros;
}

int __clzsi2(uint32_t value)
{
    return __clzdi2(value) - 32;
}

int __clzti2(u128 value)
{
    return high_half(value) ? __clzdi2(high_half(value)) : 64 + __clzdi2((uint64_t)value);
}

/* value & -value is its lowest bit alone. */
int __ctzdi2(uint64_t value)
{
    return 63 - __clzdi2(value & -value);
}

int __ctzsi2(uint32_t value)
{
    return __ctzdi2(value);
}

int __ctzti2(u128 value)
{
    return (uint64_t)value ? __ctzdi2((uint64_t)value) : 64 + __ctzdi2(high_half(value));
}

int __ffsdi2(uint64_t value)
{
    return value ? __ctzdi2(value) + 1 : 0;
}

int __ffsti2(u128 value)
{
    return value ? __ctzti2(value) + 1 : 0;
}

uint64_t __bswapdi2(uint64_t value)
{
    uint64_t swapped = 0;

    for (int byte = 0; byte < 8; byte++)
        swapped = swapped << 8 | (value >> 8 * byte & 0xff);
    return swapped;
}

uint32_t __bswapsi2(uint32_t value)
{
    return (uint32_t)(__bswapdi2(value) >> 32);
}
