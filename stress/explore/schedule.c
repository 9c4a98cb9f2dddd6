#include <lib/printf.h>
#include <lib/string.h>
#include <stress/explore/schedule.h>

enum { SPARSE = 16 };

static const char *const names[STRATEGIES + 1] = {
    "given", "walk", "sparse", "pct2", "pct3", "pct4", "sweep", "portfolio",
};

const char *strategy_name(enum strategy strategy)
{
    return names[strategy];
}

int strategy_find(const char *name)
{
    for (int i = 0; i <= STRATEGIES; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

unsigned strategy_depth(enum strategy strategy)
{
    return strategy >= STRATEGY_PCT2 && strategy <= STRATEGY_PCT4 ? strategy - STRATEGY_PCT2 + 2
                                                                  : 0;
}

/* ---- beginning ---- */

static void begin(struct schedule *schedule, enum strategy strategy)
{
    schedule->strategy = strategy;
    schedule->points = 0;
    schedule->taken_count = 0;
    schedule->depth = 0;
    schedule->preemptions = 0;
    memset(schedule->at, 0, sizeof(schedule->at));
    memset(schedule->operation, 0, sizeof(schedule->operation));
}

/* Draw distinct priorities, above those that change points set: 0 .. d - 2. */
static void begin_pct(struct schedule *schedule, unsigned depth, unsigned length)
{
    schedule->changes = depth - 1;
    for (unsigned i = 0; i < schedule->changes; i++)
        schedule->change_points[i] = 1 + (unsigned)prng_below(&schedule->random, length);
    for (unsigned i = 0; i < EXPLORE_THREADS; i++) {
        unsigned other = (unsigned)prng_below(&schedule->random, i + 1);
        schedule->priority[i] = schedule->priority[other];
        schedule->priority[other] = (int)(depth + i);
    }
}

void schedule_begin(struct schedule *schedule, enum strategy strategy, uint64_t seed,
                    unsigned length)
{
    prng_seed(&schedule->random, seed, 1);
    if (strategy == STRATEGY_PORTFOLIO)
        strategy = STRATEGY_WALK +
                   (enum strategy)prng_below(&schedule->random, STRATEGY_PCT4 - STRATEGY_WALK + 1);
    begin(schedule, strategy);
    if (strategy_depth(strategy))
        begin_pct(schedule, strategy_depth(strategy), length ? length : 1);
}

void schedule_begin_given(struct schedule *schedule, const struct schedule_switch *given,
                          unsigned count)
{
    begin(schedule, STRATEGY_GIVEN);
    schedule->given = given;
    schedule->given_count = count;
}

/* ---- deciding ---- */

static bool contains(uint32_t set, unsigned thread)
{
    return set >> thread & 1;
}

/* The running thread continues; if it cannot, the first enabled thread runs. */
static unsigned usual(uint32_t enabled, unsigned current)
{
    return contains(enabled, current) ? current : (unsigned)__builtin_ctz(enabled);
}

static unsigned count_of(uint32_t set)
{
    unsigned count = 0;

    for (; set; set &= set - 1)
        count++;
    return count;
}

static unsigned choose_random(struct schedule *schedule, uint32_t enabled, unsigned current)
{
    (void)current;
    unsigned skip = (unsigned)prng_below(&schedule->random, count_of(enabled));

    while (skip--)
        enabled &= enabled - 1;
    return (unsigned)__builtin_ctz(enabled);
}

static unsigned choose_sparse(struct schedule *schedule, uint32_t enabled, unsigned current)
{
    if (contains(enabled, current) && prng_below(&schedule->random, SPARSE))
        return current;
    return choose_random(schedule, enabled, current);
}

static unsigned choose_pct(struct schedule *schedule, uint32_t enabled, unsigned current)
{
    unsigned best = (unsigned)__builtin_ctz(enabled);

    for (unsigned i = 0; i < schedule->changes; i++)
        if (schedule->points == schedule->change_points[i])
            schedule->priority[current] = (int)i;
    for (uint32_t rest = enabled & (enabled - 1); rest; rest &= rest - 1) {
        unsigned thread = (unsigned)__builtin_ctz(rest);
        if (schedule->priority[thread] > schedule->priority[best])
            best = thread;
    }
    return best;
}

static unsigned choose_given(struct schedule *schedule, uint32_t enabled, unsigned current)
{
    for (unsigned i = 0; i < schedule->given_count; i++) {
        const struct schedule_switch *entry = &schedule->given[i];
        if (entry->from == current && entry->at == schedule->at[current] &&
            entry->operation == schedule->operation[current] && contains(enabled, entry->to))
            return entry->to;
    }
    return usual(enabled, current);
}

/* Repeat the prefix. After it choose the usual thread, and note the others as untried. The first
 * choice of a trial, and a choice when the current thread cannot run, are no preemptions. */
static unsigned choose_sweep(struct schedule *schedule, uint32_t enabled, unsigned current)
{
    unsigned chosen = usual(enabled, current);
    bool free_of_charge = !contains(enabled, current) || schedule->points == 1;

    if (schedule->depth >= SCHEDULE_DEPTH) {
        schedule->truncated = true;
        return chosen;
    }
    struct sweep_level *level = &schedule->levels[schedule->depth++];
    if (schedule->depth <= schedule->prefix) {
        chosen = level->chosen;
    } else {
        bool affordable = free_of_charge || schedule->preemptions < schedule->most_preemptions;
        *level = (struct sweep_level){(uint8_t)chosen,
                                      (uint8_t)(affordable ? enabled & ~(1u << chosen) : 0),
                                      (uint8_t)schedule->preemptions};
    }
    schedule->preemptions += chosen != current && !free_of_charge;
    return chosen;
}

static unsigned (*const choosers[STRATEGIES])(struct schedule *schedule, uint32_t enabled,
                                              unsigned current) = {
    [STRATEGY_GIVEN] = choose_given,   [STRATEGY_WALK] = choose_random,
    [STRATEGY_SPARSE] = choose_sparse, [STRATEGY_PCT2] = choose_pct,
    [STRATEGY_PCT3] = choose_pct,      [STRATEGY_PCT4] = choose_pct,
    [STRATEGY_SWEEP] = choose_sweep,
};

unsigned schedule_choose(struct schedule *schedule, uint32_t enabled, unsigned current)
{
    schedule->points++;
    schedule->at[current]++;
    /* Without a choice no random number is drawn, in any strategy. */
    unsigned chosen = enabled & (enabled - 1)
                          ? choosers[schedule->strategy](schedule, enabled, current)
                          : (unsigned)__builtin_ctz(enabled);
    if (chosen != usual(enabled, current) && schedule->taken_count < SCHEDULE_SWITCHES)
        schedule->taken[schedule->taken_count++] = (struct schedule_switch){
            schedule->at[current], (uint8_t)current, (uint8_t)chosen, schedule->operation[current]};
    return chosen;
}

void schedule_note_operation(struct schedule *schedule, unsigned thread, unsigned operation)
{
    if (!operation) /* decisions before its first operation belong to that one */
        return;
    schedule->operation[thread] = (uint8_t)operation;
    schedule->at[thread] = 0;
}

bool schedule_waits_to_begin(struct schedule *schedule, unsigned thread)
{
    if (schedule->strategy != STRATEGY_GIVEN || !schedule->operation[thread])
        return false;
    for (unsigned i = 0; i < schedule->given_count; i++) {
        const struct schedule_switch *entry = &schedule->given[i];
        if (entry->from == thread && entry->at == 0 &&
            entry->operation == schedule->operation[thread]) {
            schedule->at[thread] = UINT16_MAX; /* schedule_choose() increments it to 0 */
            return true;
        }
    }
    return false;
}

/* ---- sweeping ---- */

void schedule_sweep_begin(struct schedule *schedule, struct sweep_level *levels,
                          unsigned preemptions)
{
    schedule->levels = levels;
    schedule->prefix = 0;
    schedule->most_preemptions = preemptions;
    schedule->truncated = false;
}

bool schedule_sweep_next(struct schedule *schedule)
{
    unsigned depth = schedule->depth;

    while (depth > 0 && !schedule->levels[depth - 1].untried)
        depth--;
    if (!depth)
        return false;
    struct sweep_level *level = &schedule->levels[depth - 1];
    level->chosen = (uint8_t)__builtin_ctz(level->untried);
    level->untried &= (uint8_t)(level->untried - 1);
    schedule->prefix = depth;
    return true;
}

/* ---- text ---- */

char *schedule_print(const struct schedule_switch *list, unsigned count, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < count && used + 16 < size; i++)
        used += (size_t)format_text(text + used, size - used, "%s%s.%u@%u:%s", i ? "," : "",
                                    thread_name(list[i].from), list[i].operation, list[i].at,
                                    thread_name(list[i].to));
    return text;
}

static const char *parse_switch(const char *text, struct schedule_switch *entry)
{
    unsigned from, to, operation, at = 0;

    text = thread_parse(text, &from);
    if (!text || *text++ != '.' || *text < '0' || *text > '0' + EXPLORE_OPERATIONS)
        return NULL;
    operation = (unsigned)(*text++ - '0');
    if (*text++ != '@')
        return NULL;
    while (*text >= '0' && *text <= '9' && at < 6554)
        at = at * 10 + (unsigned)(*text++ - '0');
    if (*text++ != ':' || !(text = thread_parse(text, &to)))
        return NULL;
    *entry = (struct schedule_switch){(uint16_t)at, (uint8_t)from, (uint8_t)to, (uint8_t)operation};
    return text;
}

bool schedule_parse(struct schedule_switch *list, unsigned *count, const char *text, char *message,
                    size_t size)
{
    *count = 0;
    while (*text) {
        const char *rest = *count < SCHEDULE_SWITCHES ? parse_switch(text, &list[*count]) : NULL;
        if (!rest || (*rest && *rest != ',')) {
            format_text(message, size, "switches: wrong at \"%.16s\"; such as 0.2@12:1,1.0@3:i0",
                        text);
            return false;
        }
        ++*count;
        text = *rest ? rest + 1 : rest;
    }
    return true;
}
