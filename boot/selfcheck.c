#include <arch/apic.h>
#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/paging.h>
#include <arch/probe.h>
#include <arch/timer.h>
#include <arch/trap.h>
#include <arch/work.h>
#include <boot/selfcheck.h>
#include <lib/fail.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/watchdog.h>

/* From linker.ld. */
extern const uint8_t image_start[], text_end[], image_end[];

/* Not canonical: it lies in neither half of the address space (SDM 1, 3.3.7.1). */
#define NO_ADDRESS ((uintptr_t)1 << 63)

enum {
    TICKS_HZ = 1000,
    LOW_MEMORY_END = 0x100000,
    /* How long to wait: ANSWER_MS + ANSWER_MS_A_CORE per core. This and the time to stop all cores
       must be shorter than the silence that the host allows. */
    ANSWER_MS = 8000,
    ANSWER_MS_A_CORE = 100,
    ROUNDS = 2, /* the first interrupt might leave a state that blocks the second */
};

/* ---- one core ---- */

static void check_identity(const struct percpu *core)
{
    uint32_t number = core->local.number;
    uint64_t stack = (uintptr_t)__builtin_frame_address(0);

    if (number >= percpu_count || percpu_table[number] != core || apic_id() != core->local.apic_id)
        fail(RULE_SELF_CHECK, "the core with APIC ID %u has the data of core %u (APIC ID %u)",
             apic_id(), number, core->local.apic_id);
    if (stack - (uintptr_t)core->stacks->main.bytes >= STACK_MAIN_SIZE)
        fail(RULE_SELF_CHECK, "core %u stands at 0x%lx, not on its own stack", number, stack);
    for (uint32_t i = 0; i < percpu_count; i++)
        if (i != number && percpu_table[i]->stacks == core->stacks)
            fail(RULE_SELF_CHECK, "cores %u and %u have the same stacks", number, i);
}

static void check_traps(const struct percpu *core)
{
    static const uint8_t vectors[] = {TRAP_NMI, TRAP_DOUBLE_FAULT, TRAP_MACHINE_CHECK};

    for (unsigned i = 0; i < sizeof(vectors); i++)
        if (!probe_has_stack(vectors[i]))
            fail(RULE_SELF_CHECK, "core %u has no stack for %s", core->local.number,
                 trap_name(vectors[i]));
    for (unsigned i = 0; i < IST_COUNT - 1; i++)
        if (core->local.segments.tss.ist[i] !=
            (uintptr_t)core->stacks->ist[i].bytes + STACK_IST_SIZE)
            fail(RULE_SELF_CHECK, "core %u: IST %u is not the core's own", core->local.number,
                 i + 1);
    const char *wrong = probe_interrupt();
    if (wrong)
        fail(RULE_SELF_CHECK, "core %u: an interrupt does not keep %s", core->local.number, wrong);
}

static void expect(uint64_t found, uint64_t wanted, const char *access,
                   const volatile void *address)
{
    if (found != wanted)
        fail(RULE_SELF_CHECK, "core %u can %s 0x%lx, or faults otherwise (%lld, expected %lld)",
             this_core()->local.number, access, (uintptr_t)address, (long long)found - 1,
             (long long)wanted - 1);
}

static void expect_not_mapped(const void *address)
{
    expect(probe_read((uintptr_t)address), PROBE_NOT_MAPPED, "read", address);
}

static void check_page_0(void)
{
    if (!paging_page_0_is_readable)
        return expect_not_mapped(NULL);
    expect(probe_read(0), PROBE_LET_PASS, "read", NULL);
    expect(probe_write(0), PROBE_NO_WRITE, "write", NULL);
}

/* Each core must check this: CR0.WP and EFER.NXE are per core. */
static void check_protection(const struct core_stacks *stacks)
{
    static volatile uint8_t in_data = PROBE_CODE;
    volatile uint8_t on_stack = PROBE_CODE;

    expect(probe_write((uintptr_t)image_start), PROBE_NO_WRITE, "write", image_start);
    expect(probe_write((uintptr_t)text_end), PROBE_NO_WRITE, "write", text_end);
    if (paging_has_no_execute()) {
        expect(probe_execute((uintptr_t)&in_data), PROBE_NO_EXECUTE, "execute", &in_data);
        expect(probe_execute((uintptr_t)&on_stack), PROBE_NO_EXECUTE, "execute", &on_stack);
    }
    expect(probe_read(NO_ADDRESS), PROBE_NO_ADDRESS, "read", (const void *)NO_ADDRESS);
    check_page_0();
    expect_not_mapped(stacks->main.guard + PAGE_SIZE - 1);
    for (unsigned i = 0; i < IST_COUNT - 1; i++)
        expect_not_mapped(stacks->ist[i].guard + PAGE_SIZE - 1);
}

static uint32_t checked[CORE_LIMIT]; /* atomic: 1 once the core has checked itself */

void selfcheck_core(void)
{
    const struct percpu *core = this_core();

    check_identity(core);
    check_traps(core);
    check_protection(core->stacks);
    __atomic_store_n(&checked[core->local.number], 1, __ATOMIC_RELEASE);
}

/* ---- between cores ---- */

static uint32_t answers[CORE_LIMIT]; /* atomic: interrupts that the core has taken */

static void answer(void)
{
    __atomic_add_fetch(&answers[cpu_number()], 1, __ATOMIC_RELEASE);
}

static void answer_wake(struct trap_frame *frame)
{
    (void)frame;
    answer();
}

static void await(const uint32_t *counter, uint32_t count, uint32_t core, const char *what)
{
    uint64_t start = clock_ns(), limit_ms = ANSWER_MS + ANSWER_MS_A_CORE * (uint64_t)percpu_count;

    while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < count) {
        if (clock_ns() - start > limit_ms * 1000000)
            fail(RULE_SELF_CHECK, "core %u: %u of %u %s within %lu ms", core, *counter, count, what,
                 limit_ms);
        cpu_relax();
    }
}

/* Ask in the same way as the watchdog (stress/watchdog.c). */
static void ask_by_nmi(uint32_t core)
{
    uint32_t asked = watch_ask(core);

    await(watch_answers(core), asked, core, "NMIs");
}

static void check_timer(void)
{
    uint32_t before = answers[0];
    irq_flags_t flags = irq_save();

    irq_enable();
    timer_start(TICKS_HZ, answer);
    await(&answers[0], before + 2, 0, "ticks of its timer");
    irq_restore(flags);
}

void selfcheck_interrupts(void)
{
    /* Wait first: an NMI during a core's own check would overwrite the frame of its probe. */
    for (uint32_t core = 0; core < percpu_count; core++)
        await(&checked[core], 1, core, "checks of itself");
    work_set_handler(answer);
    trap_set_interrupt(VECTOR_WAKE, answer_wake);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t core = 1; core < percpu_count; core++) {
            work_send(percpu_table[core]->local.apic_id);
            await(&answers[core], 2 * round + 1, core, "interrupts sent to it");
            ask_by_nmi(core);
        }
        cpu_wake_others();
        for (uint32_t core = 1; core < percpu_count; core++)
            await(&answers[core], 2 * round + 2, core, "interrupts sent to all");
    }
    check_timer();
}

/* ---- memory ---- */

static const struct bootinfo *loader;

static void expect_apart(pfn_t start, uint64_t count, uint64_t from, uint64_t to, const char *what)
{
    if (from < (start + count) << PAGE_SHIFT && to > start << PAGE_SHIFT)
        fail(RULE_SELF_CHECK, "pages 0x%lx to 0x%lx are to be handed out, with %s at 0x%lx", start,
             start + count, what, from);
}

static void check_range(pfn_t start, uint64_t count)
{
    expect_apart(start, count, 0, LOW_MEMORY_END, "low memory");
    expect_apart(start, count, (uintptr_t)image_start, (uintptr_t)image_end, "the image");
    expect_apart(start, count, loader->start, loader->end, "the loader's information");
    expect_apart(start, count, paging_root(), paging_root() + PAGE_SIZE, "a page table");
    for (uint32_t i = 0; i < percpu_count; i++) {
        uint64_t stacks = (uintptr_t)percpu_table[i]->stacks, data = (uintptr_t)percpu_table[i];
        expect_apart(start, count, stacks, stacks + sizeof(struct core_stacks), "a core's stacks");
        expect_apart(start, count, data, data + sizeof(struct percpu), "a core's data");
    }
    for (size_t i = 0; i < loader->memmap.count; i++)
        if (loader->memmap.ranges[i].kind != MEMORY_USABLE)
            expect_apart(start, count, loader->memmap.ranges[i].start, loader->memmap.ranges[i].end,
                         "memory that is not usable");
}

void selfcheck_memory(const struct bootinfo *bootinfo, const struct memory *memory)
{
    loader = bootinfo;
    memory_for_each_usable(check_range);
    if (memory->trampoline)
        expect_not_mapped((const void *)(uintptr_t)memory->trampoline);
}
