#include <arch/apic.h>
#include <arch/clock.h>
#include <arch/timer.h>
#include <arch/trap.h>

enum { MEASURE_US = 10000 };

static uint32_t counts_per_second;
static void (*timer_handler)(void);

static void on_timer(struct trap_frame *frame)
{
    (void)frame;
    timer_handler();
}

void timer_init(void)
{
    uint64_t start = clock_ns();

    apic_timer_set(UINT32_MAX, 0);
    clock_delay_us(MEASURE_US);
    uint64_t counted = UINT32_MAX - apic_timer_read();
    uint64_t elapsed_ns = clock_ns() - start;
    apic_timer_set(0, 0);
    counts_per_second = (uint32_t)(counted * 1000000000 / (elapsed_ns ? elapsed_ns : 1));
    trap_set_interrupt(VECTOR_TIMER, on_timer);
}

void timer_start(uint32_t hz, void (*handler)(void))
{
    uint32_t count = counts_per_second / hz;

    timer_handler = handler;
    apic_timer_set(count ? count : 1, VECTOR_TIMER);
}

void timer_once(uint32_t microseconds, void (*handler)(void))
{
    uint64_t count = (uint64_t)counts_per_second * microseconds / 1000000;

    timer_handler = handler;
    apic_timer_once(count ? (uint32_t)count : 1, VECTOR_TIMER);
}
