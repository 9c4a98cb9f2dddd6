/*
 * Send INIT to every core and wait 10 ms. Then send each core a start-up IPI, and a second one if
 * it is not online after 200 us (MultiProcessor specification 1.4, appendix B.4). One core at a
 * time uses the trampoline's data: each sets `online` before the next is woken.
 */
#include <arch/apic.h>
#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/msr.h>
#include <arch/paging.h>
#include <arch/setup.h>
#include <arch/startup.h>
#include <lib/fail.h>
#include <smp/bringup.h>

enum {
    INIT_REST_US = 10000,
    STARTUP_REST_US = 200,
};

struct percpu *percpu_table[CORE_LIMIT];
uint32_t percpu_count;

static void (*core_entry)(void);

static void add_core(struct percpu *core, struct core_stacks *stacks, uint32_t id)
{
    ASSERT(percpu_count < CORE_LIMIT);
    core->local.number = percpu_count;
    core->local.apic_id = id;
    core->stacks = stacks;
    percpu_table[percpu_count++] = core;
}

void smp_init_bsp(struct percpu *core, struct core_stacks *stacks)
{
    add_core(core, stacks, cpuid(1, 0).ebx >> 24);
    cpu_setup(&core->local, stacks);
    core->online = true;
}

/* An application processor's first C code, on its own stack, interrupts off. */
static void core_start(struct core_local *local, struct core_stacks *stacks)
{
    paging_use();
    cpu_setup(local, stacks);
    apic_init_core();
    __atomic_store_n(&this_core()->online, true, __ATOMIC_RELEASE);
    irq_enable();
    core_entry();
}

static bool wait_online(const struct percpu *core, uint64_t microseconds)
{
    uint64_t start = clock_ns();

    while (!__atomic_load_n(&core->online, __ATOMIC_ACQUIRE)) {
        if (clock_ns() - start > microseconds * 1000)
            return false;
        cpu_relax();
    }
    return true;
}

static void wake(const struct bringup *bringup, uint32_t target)
{
    if (target == bringup->skip)
        return;
    if (!apic_send_startup(target, (uint8_t)(bringup->trampoline >> PAGE_SHIFT)))
        fail(RULE_SMP_BRINGUP, "the APIC did not send the start-up IPI to the core with APIC ID %u",
             target);
}

static void start_core(const struct bringup *bringup, uint32_t target)
{
    struct percpu *core = bringup->take(sizeof(*core), _Alignof(struct percpu));
    struct core_stacks *stacks = bringup->take(sizeof(*stacks), PAGE_SIZE);

    bringup->guard(stacks);
    add_core(core, stacks, target);
    startup_set_core(bringup->trampoline, &core->local, stacks, core_start);
    wake(bringup, target);
    if (!wait_online(core, STARTUP_REST_US))
        wake(bringup, target);
    if (!wait_online(core, bringup->wait_ms * 1000))
        fail(RULE_SMP_BRINGUP, "core %u (APIC ID %u) did not start within %lu ms",
             core->local.number, target, bringup->wait_ms);
}

void smp_start(const struct bringup *bringup)
{
    core_entry = bringup->entry;
    startup_prepare(bringup->trampoline);
    for (size_t i = 0; i < bringup->count; i++)
        if (bringup->apic_ids[i] != bringup->skip)
            apic_send_init(bringup->apic_ids[i]);
    clock_delay_us(INIT_REST_US);
    for (size_t i = 0; i < bringup->count; i++)
        start_core(bringup, bringup->apic_ids[i]);
}
