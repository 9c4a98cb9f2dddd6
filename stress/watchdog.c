#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/work.h>
#include <lib/printf.h>
#include <lib/sizes.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/explain.h>
#include <stress/failure.h>
#include <stress/tick.h>
#include <stress/watchdog.h>

enum {
    TICKS_PER_SECOND = 10,
    /* progress per core of the others, after which any fair queue has moved on */
    TURNS_OF_OTHERS = 1000,
};

/* What the watchdog knows of a core. */
struct watch {
    bool busy;              /* at work: progress is due */
    uint64_t progress;      /* counts up as this core gets things done */
    uint32_t asked;         /* questions to this core, by NMI */
    uint32_t answered;      /* of these, answered */
    uint32_t answered_then; /* of these, answered before its last progress */
    /* What this core knows of the core that it watches. Times are in cycles. */
    uint64_t seen_progress;   /* its progress at the last look ... */
    uint64_t moved_at;        /* ... and when that changed last */
    uint64_t excused_at;      /* when it last had an excuse */
    uint64_t asked_at;        /* when it was asked last */
    uint32_t answers_before;  /* its answers at the last excuse */
    uint64_t progress_before; /* progress of all cores together at the last excuse */
    /* What this core knows of all cores together: their progress, and when it changed last. */
    uint64_t all_progress, all_moved_at;
} __attribute__((aligned(64)));

static struct watch watches[CORE_LIMIT];

static uint64_t limit_cycles; /* 0: never */
static void (*teller)(void *context);
static void *teller_context;

void watchdog_set_limit(uint64_t seconds)
{
    limit_cycles = seconds * clock_hz();
}

void watchdog_set_teller(void (*tell)(void *context), void *context)
{
    teller_context = context;
    teller = tell;
}

static struct watch *own_watch(void)
{
    return &watches[cpu_number()];
}

static struct watch *watch_of(const struct percpu *core)
{
    return &watches[core->local.number];
}

uint64_t watchdog_progress_of(uint32_t cores)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < cores; i++)
        sum += __atomic_load_n(&watches[i].progress, __ATOMIC_RELAXED);
    return sum;
}

bool watchdog_busy(bool busy)
{
    struct watch *watch = own_watch();
    bool before = watch->busy;

    watchdog_progress();
    __atomic_store_n(&watch->busy, busy, __ATOMIC_RELAXED);
    tick_at_work(busy);
    return before;
}

void watchdog_progress(void)
{
    struct watch *watch = own_watch();

    __atomic_store_n(&watch->answered_then, watch->answered, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->progress, watch->progress + 1, __ATOMIC_RELAXED);
}

uint64_t watch_own_progress(void)
{
    return own_watch()->progress;
}

bool watch_is_busy(uint32_t core)
{
    return watches[core].busy;
}

uint32_t watch_ask(uint32_t core)
{
    struct watch *its = &watches[core];
    uint32_t asked = its->asked + 1;

    __atomic_store_n(&its->asked, asked, __ATOMIC_RELEASE);
    cpu_send_nmi(percpu_table[core]->local.apic_id);
    return asked;
}

const uint32_t *watch_answers(uint32_t core)
{
    return &watches[core].answered;
}

bool watchdog_answer(void)
{
    struct watch *watch = own_watch();

    if (__atomic_load_n(&watch->answered, __ATOMIC_RELAXED) ==
        __atomic_load_n(&watch->asked, __ATOMIC_ACQUIRE))
        return false;
    __atomic_store_n(&watch->answered, watch->asked, __ATOMIC_RELEASE);
    return true;
}

/* ---- which core waits for which ---- */

static struct percpu *owner_of(const struct spinlock_irq *lock)
{
    int owner = spinlock_irq_owner(lock);

    return owner >= 0 && (uint32_t)owner < percpu_count ? percpu_table[owner] : NULL;
}

/* The core that `core` waits for, or NULL. */
static struct percpu *waits_for(const struct percpu *core)
{
    const struct spinlock_irq *lock = __atomic_load_n(&core->waiting_for, __ATOMIC_RELAXED);

    return lock ? owner_of(lock) : NULL;
}

/* Whether the cores that `core` waits for, one after another, lead back to it. */
static bool in_circle(const struct percpu *core)
{
    const struct percpu *next = waits_for(core);

    for (uint32_t steps = 0; next && steps < percpu_count; steps++) {
        if (next == core)
            return true;
        next = waits_for(next);
    }
    return false;
}

/* "core 1 waits for a of core 2, core 2 waits for b of core 1" */
static void describe_circle(const struct percpu *first, char *text, size_t size)
{
    const struct percpu *core = first;
    size_t used = 0;

    do {
        const struct spinlock_irq *lock = core->waiting_for;
        const struct percpu *owner = lock ? owner_of(lock) : NULL;
        if (!owner)
            return;
        explain_blame(core->local.number, RULE_DEADLOCK);
        used += (size_t)format_text(text + used, size - used, "%score %u waits for %s of core %u",
                                    used ? ", " : "", core->local.number, lock->name,
                                    owner->local.number);
        core = owner;
    } while (core != first && used < size);
}

static enum rule describe_stall(const struct percpu *core, char *text, size_t size)
{
    if (in_circle(core)) {
        describe_circle(core, text, size);
        return RULE_DEADLOCK;
    }
    explain_blame(core->local.number, RULE_STALL);
    const char *call = explain_range_call(core->local.number);
    format_text(text, size, "core %u makes no progress%s%s%s%s", core->local.number,
                call ? ", in " : "", call ? call : "", core->locks_held ? ", holding " : "",
                core->locks_held ? percpu_held_name(core) : "");
    return RULE_STALL;
}

static enum rule describe_standstill(char *text, size_t size)
{
    uint32_t busy = 0, waiting = 0;

    for (uint32_t i = 0; i < percpu_count; i++) {
        busy += watches[i].busy;
        waiting += percpu_table[i]->waiting_for != NULL;
    }
    if (busy)
        format_text(text, size, "no core makes progress: %u at work, %u of them wait for a lock",
                    busy, waiting);
    else
        format_text(text, size, "no core is at work");
    return RULE_STALL;
}

enum rule watchdog_diagnose(char *text, uint32_t size)
{
    const struct percpu *suspect = NULL;

    for (uint32_t i = 0; i < percpu_count; i++) {
        const struct percpu *core = percpu_table[i];
        if (in_circle(core))
            return describe_stall(core, text, size);
        if (watches[i].busy && !core->waiting_for && !suspect)
            suspect = core;
    }
    if (suspect)
        return describe_stall(suspect, text, size);
    return describe_standstill(text, size);
}

/* ---- each core watches the next ---- */

static bool is_past(uint64_t since, uint64_t cycles)
{
    return cpu_cycles() - since >= cycles;
}

static void excuse(struct watch *mine, const struct watch *its)
{
    mine->excused_at = cpu_cycles();
    mine->answers_before = __atomic_load_n(&its->answered, __ATOMIC_ACQUIRE);
    mine->progress_before = watchdog_progress_of(percpu_count);
}

/* Whether the watched core has made progress, or is not at work. */
static bool has_moved(struct watch *mine, const struct watch *its)
{
    uint64_t progress = __atomic_load_n(&its->progress, __ATOMIC_RELAXED);

    if (__atomic_load_n(&its->busy, __ATOMIC_RELAXED) && progress == mine->seen_progress)
        return false;
    mine->seen_progress = progress;
    mine->moved_at = mine->asked_at = cpu_cycles();
    excuse(mine, its);
    return true;
}

/* A core that waits for a lock is not the one that is stuck, unless it waits in a circle. */
static bool is_blameless(const struct percpu *core)
{
    return __atomic_load_n(&core->waiting_for, __ATOMIC_RELAXED) && !in_circle(core);
}

/* Ask the core by NMI; ask again only once it has answered, and after some time. */
static void ask(struct watch *mine, struct percpu *target)
{
    const struct watch *its = watch_of(target);

    if (target == this_core())
        return; /* the only core: watchdog_tick() counts as its answer */
    if (__atomic_load_n(&its->answered, __ATOMIC_ACQUIRE) == its->asked &&
        is_past(mine->asked_at, limit_cycles / WATCHDOG_ANSWERS)) {
        mine->asked_at = cpu_cycles();
        watch_ask(target->local.number);
    }
}

static bool others_are_at_work(const struct percpu *target)
{
    for (uint32_t i = 0; i < percpu_count; i++)
        if (percpu_table[i] != target && watches[i].busy)
            return true;
    return false;
}

/*
 * Whether the lack of progress is the target's own fault. It may wait for a lock that the watchdog
 * knows nothing of, in a queue behind cores that the host does not run. So the others must first
 * have made so much progress that any queue has moved on. This does not apply if no other core is
 * at work, if the target waits in a circle, or if no core makes progress though all run (`still`).
 */
static bool others_had_their_turns(const struct watch *mine, const struct percpu *target,
                                   bool still)
{
    if (still || !others_are_at_work(target) || in_circle(target))
        return true;
    return watchdog_progress_of(percpu_count) - mine->progress_before >=
           (uint64_t)TURNS_OF_OTHERS * percpu_count;
}

static bool is_stuck(struct watch *mine, const struct percpu *target, bool still)
{
    const struct watch *its = watch_of(target);

    if (is_blameless(target))
        excuse(mine, its);
    return is_past(mine->excused_at, 2 * limit_cycles) &&
           its->answered - mine->answers_before >= WATCHDOG_ANSWERS &&
           others_had_their_turns(mine, target, still);
}

/*
 * Whether no core makes progress although all cores at work run: each has answered since its last
 * progress. This finds cores that take a lock from each other for ever, or that wait for a lock
 * that is free. Each of them waits now and then, so none of them is stuck on its own.
 */
static bool all_stand_still(struct watch *mine)
{
    uint64_t progress = watchdog_progress_of(percpu_count);

    if (progress != mine->all_progress) {
        mine->all_progress = progress;
        mine->all_moved_at = cpu_cycles();
    }
    if (!is_past(mine->all_moved_at, 2 * limit_cycles))
        return false;
    for (uint32_t i = 0; i < percpu_count; i++) {
        const struct watch *its = &watches[i];
        if (its->busy && its->answered - its->answered_then < WATCHDOG_ANSWERS)
            return false;
    }
    return true;
}

static void look_after(struct watch *mine, struct percpu *target)
{
    char text[160];
    bool still = all_stand_still(mine);

    if (has_moved(mine, watch_of(target)) || !is_past(mine->moved_at, limit_cycles))
        return;
    ask(mine, target);
    if (is_stuck(mine, target, still))
        failure_begin(describe_stall(target, text, sizeof(text)), "%s", text);
    else if (still)
        failure_begin(describe_standstill(text, sizeof(text)), "%s", text);
    else
        return;
    failure_end();
}

void watchdog_tick(void)
{
    struct percpu *core = this_core();
    struct percpu *next = percpu_table[(core->local.number + 1) % percpu_count];
    struct watch *mine = watch_of(core);

    if (failure_in_progress())
        return;
    if (next == core) /* one core: its timer tick is an answer */
        __atomic_store_n(&mine->answered, ++mine->asked, __ATOMIC_RELAXED);
    if (limit_cycles)
        look_after(mine, next);
    if (teller && core->local.number == 0)
        teller(teller_context);
}

void watchdog_before_run(void)
{
    if (percpu_count == 1) {
        watchdog_start_core();
        irq_enable();
        return;
    }
    work_set_handler(watchdog_start_core);
    work_send(percpu_table[percpu_count - 1]->local.apic_id);
}

void watchdog_start_core(void)
{
    tick_start(TICKS_PER_SECOND, watchdog_tick);
}
