#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/timer.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/core.h>
#include <stress/tick.h>

enum { MOST_TURNS = 3 }; /* most turns that a preempted core leaves to the others */

/* State of one core. Its handler and all code that changes this run with interrupts off. */
struct ticker {
    struct prng random;
    uint32_t hz;
    bool at_work;
    void (*handler)(void); /* NULL: not started */
};

static struct ticker tickers[CORE_LIMIT];
static uint64_t preempt_us;
static uint64_t preempt_seed;

void tick_preempt(uint64_t mean_us, uint64_t seed)
{
    preempt_us = mean_us;
    preempt_seed = seed;
}

static void on_tick(void);

/* At work, the next tick comes in 1 to 2 * preempt_us - 1 microseconds. */
static void set_next(struct ticker *ticker)
{
    if (ticker->at_work)
        timer_once(1 + (uint32_t)prng_below(&ticker->random, 2 * preempt_us - 1), on_tick);
    else
        timer_start(ticker->hz, on_tick);
}

/* Sets the next tick last. So the core gets to its own work in between, however long this takes. */
static void on_tick(void)
{
    struct ticker *ticker = &tickers[cpu_number()];

    if (ticker->at_work)
        for (uint64_t turns = 1 + prng_below(&ticker->random, MOST_TURNS); turns > 0; turns--)
            cpu_relax();
    ticker->handler();
    set_next(ticker);
}

void tick_at_work(bool at_work)
{
    struct ticker *ticker = &tickers[cpu_number()];

    if (!ticker->handler || ticker->at_work == at_work)
        return;
    irq_flags_t flags = irq_save();
    ticker->at_work = at_work;
    set_next(ticker);
    irq_restore(flags);
}

void tick_start(uint32_t hz, void (*handler)(void))
{
    struct ticker *ticker = &tickers[cpu_number()];

    if (!preempt_us) {
        timer_start(hz, handler);
        return;
    }
    irq_flags_t flags = irq_save();
    if (!ticker->handler)
        prng_seed(&ticker->random, preempt_seed, (uint64_t)1 << 62 | cpu_number());
    ticker->handler = handler;
    ticker->hz = hz;
    set_next(ticker);
    irq_restore(flags);
}
