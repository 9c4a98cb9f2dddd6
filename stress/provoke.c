#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/provoke.h>
#include <lib/printf.h>
#include <lib/sinks.h>
#include <lib/string.h>
#include <smp/percpu.h>
#include <smp/spinlock.h>
#include <stress/failure.h>
#include <stress/provoke.h>

enum { STEPS_BEFORE = 200 };

static uint32_t chosen_core;

/* ---- the machine's failures ---- */

static void provoke_null(struct run *run, struct core *core)
{
    volatile uintptr_t address = 8; /* volatile: compilers reject a bad address that they know */

    (void)run, (void)core;
    (void)*(volatile char *)address;
}

static void provoke_text_write(struct run *run, struct core *core)
{
    (void)run, (void)core;
    *(volatile char *)(uintptr_t)&run_goes_on = 0;
}

static void provoke_data_execute(struct run *run, struct core *core)
{
    static uint8_t code[] = {0xc3};

    (void)run, (void)core;
    ((void (*)(void))(uintptr_t)code)();
}

/* The frame is used after the call, so it is no tail call and each level takes stack. */
__attribute__((noinline)) static uint64_t recurse(uint64_t depth)
{
    volatile uint64_t frame[32];

    frame[depth % 32] = depth;
    return depth ? recurse(depth + 1) + frame[depth % 32] : 0;
}

static void provoke_stack(struct run *run, struct core *core)
{
    (void)run, (void)core;
    recurse(1);
}

static void provoke_invalid_opcode(struct run *run, struct core *core)
{
    (void)run, (void)core;
    arch_provoke_invalid_opcode();
}

static void provoke_triple_fault(struct run *run, struct core *core)
{
    (void)run, (void)core;
    arch_provoke_triple_fault();
}

static void provoke_reset(struct run *run, struct core *core)
{
    (void)run, (void)core;
    arch_provoke_reset();
}

static void provoke_hang(struct run *run, struct core *core)
{
    (void)run, (void)core;
    irq_disable();
    for (;;)
        cpu_relax();
}

/* ---- the allocator's failures, without its help ---- */

/* Free a block without the oracle's knowledge, so that the allocator hands it out again. */
static void provoke_overlap(struct run *run, struct core *core)
{
    struct arena *arena = &run->arena;
    pfn_t pfn = arena_allocate(arena, core, 0);

    arena->allocator->free_pages(arena->pool, pfn, 0);
    for (;;)
        arena_allocate(arena, core, 0);
}

/* Write into a held block, like code that kept a pointer to it. */
static void provoke_content(struct run *run, struct core *core)
{
    pfn_t pfn = arena_allocate(&run->arena, core, 0);

    ((uint64_t *)pfn_to_address(pfn))[3] ^= 1;
    arena_free(&run->arena, core, pfn);
}

static struct spinlock_irq spare = SPINLOCK_IRQ("spare");

static void provoke_relock(struct run *run, struct core *core)
{
    (void)run, (void)core;
    spinlock_irq_lock(&spare);
    spinlock_irq_lock(&spare);
}

static void provoke_unlock_twice(struct run *run, struct core *core)
{
    irq_flags_t flags = spinlock_irq_lock(&spare);

    (void)run, (void)core;
    spinlock_irq_unlock(&spare, flags);
    spinlock_irq_unlock(&spare, flags);
}

static void provoke_lost_unlock(struct run *run, struct core *core)
{
    (void)run, (void)core;
    irq_restore(spinlock_irq_lock(&spare));
}

/*
 * A handler that asks for a lock while its own core holds it. This can happen with a lock that
 * leaves interrupts on.
 */
static void handler(void)
{
    spinlock_irq_unlock(&spare, spinlock_irq_lock(&spare));
}

static void provoke_interrupt_relock(struct run *run, struct core *core)
{
    (void)run, (void)core;
    irq_restore(spinlock_irq_lock(&spare));
    arch_provoke_interrupt(handler);
}

/*
 * Two cores take two locks in opposite orders. Each waits until the other has its first lock before
 * it asks for its second.
 */
static void provoke_deadlock(struct run *run, struct core *core)
{
    static struct spinlock_irq locks[] = {SPINLOCK_IRQ("first"), SPINLOCK_IRQ("second")};
    uint32_t partner = (chosen_core + 1) % run->core_count;

    if (core->number != chosen_core && core->number != partner)
        return;
    unsigned mine = core->number == chosen_core ? 0 : 1;
    irq_flags_t flags = spinlock_irq_lock(&locks[mine]);
    while (spinlock_irq_owner(&locks[1 - mine]) < 0)
        cpu_relax();
    spinlock_irq_unlock(&locks[1 - mine], spinlock_irq_lock(&locks[1 - mine]));
    spinlock_irq_unlock(&locks[mine], flags);
}

static const struct sinks *before_deaf;
static bool deaf; /* atomic: the chosen core takes no NMI any more */

static void deaf_nmi(struct trap_frame *frame)
{
    if (cpu_number() == chosen_core)
        cpu_halt();
    before_deaf->nmi(frame);
}

static void make_deaf(void)
{
    static struct sinks sinks;

    before_deaf = sinks_get();
    sinks = *before_deaf;
    sinks.nmi = deaf_nmi;
    sinks_set(&sinks);
    __atomic_store_n(&deaf, true, __ATOMIC_RELEASE);
}

/* The chosen core hangs and takes no NMI any more; then the next core fails. */
static void provoke_deaf(struct run *run, struct core *core)
{
    if (core->number == chosen_core) {
        make_deaf();
        provoke_hang(run, core);
    }
    if (core->number == (chosen_core + 1) % run->core_count) {
        while (!__atomic_load_n(&deaf, __ATOMIC_ACQUIRE))
            cpu_relax();
        provoke_content(run, core);
    }
}

static const struct provocation {
    const char *name;
    void (*provoke)(struct run *run, struct core *core);
    bool on_all; /* called on every core, not only on the chosen one */
} provocations[] = {
    {.name = "null", .provoke = provoke_null},
    {.name = "text-write", .provoke = provoke_text_write},
    {.name = "data-execute", .provoke = provoke_data_execute},
    {.name = "stack", .provoke = provoke_stack},
    {.name = "invalid-opcode", .provoke = provoke_invalid_opcode},
    {.name = "triple-fault", .provoke = provoke_triple_fault},
    {.name = "reset", .provoke = provoke_reset},
    {.name = "hang", .provoke = provoke_hang},
    {.name = "hang-all", .provoke = provoke_hang, .on_all = true},
    {.name = "overlap", .provoke = provoke_overlap},
    {.name = "content", .provoke = provoke_content},
    {.name = "relock", .provoke = provoke_relock},
    {.name = "unlock-twice", .provoke = provoke_unlock_twice},
    {.name = "lost-unlock", .provoke = provoke_lost_unlock},
    {.name = "interrupt-relock", .provoke = provoke_interrupt_relock},
    {.name = "deadlock", .provoke = provoke_deadlock, .on_all = true},
    {.name = "deaf", .provoke = provoke_deaf, .on_all = true},
    {.name = "bringup", .provoke = NULL}, /* smp/bringup.c leaves the core asleep */
};
enum { PROVOCATIONS = sizeof(provocations) / sizeof(provocations[0]) };

static const struct provocation *chosen;

static const struct provocation *find(const char *name, size_t length)
{
    for (unsigned i = 0; i < PROVOCATIONS; i++)
        if (strlen(provocations[i].name) == length && !strncmp(provocations[i].name, name, length))
            return &provocations[i];
    return NULL;
}

static void report_names(void)
{
    for (unsigned i = 0; i < PROVOCATIONS; i++)
        report_line("# provoke=%s", provocations[i].name);
}

static bool read_core(const char *digits, uint32_t cores, uint32_t *core)
{
    uint32_t value = 0;

    if (!*digits)
        return false;
    for (; *digits >= '0' && *digits <= '9' && value < CORE_LIMIT; digits++)
        value = value * 10 + (uint32_t)(*digits - '0');
    *core = value;
    return !*digits && value < cores;
}

bool provoke_choose(const char *text, uint32_t cores, char *message, size_t size)
{
    const char *at = strchr(text, '@');

    if (!*text)
        return true;
    chosen = find(text, at ? (size_t)(at - text) : strlen(text));
    if (!chosen) {
        report_names();
        format_text(message, size, "option provoke: no failure \"%s\"; those above", text);
        return false;
    }
    chosen_core = cores > 1 ? 1 : 0;
    if (at && !read_core(at + 1, cores, &chosen_core)) {
        format_text(message, size, "option provoke: no core \"%s\"; there are 0 to %u", at + 1,
                    cores - 1);
        return false;
    }
    return true;
}

bool provoke_skips_core(uint32_t *core)
{
    *core = chosen_core;
    return chosen && !chosen->provoke;
}

void provoke_step(struct run *run, struct core *core)
{
    if (!chosen || !chosen->provoke || run->phase->alone || core->steps < STEPS_BEFORE)
        return;
    if (core->number == chosen_core || chosen->on_all)
        chosen->provoke(run, core);
}
