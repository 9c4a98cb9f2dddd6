#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stress/explore/trial.h>
#include <stress/failure.h>

/* A call of the allocator: its time, and the pages that it handled. */
struct call {
    unsigned begin, end; /* numbers among the beginnings and ends of all calls */
    uint64_t pages;      /* set: allocated or freed by it */
    uint64_t held;       /* set: held when it began */
    bool refused;
    uint8_t order;
};

struct trial_block {
    pfn_t pfn;
    bool held, given; /* given: the operation got a block, which may be freed by now */
    struct race_moment handed_out;
};

static struct {
    struct arena arena;
    struct core cores[EXPLORE_THREADS];
    const struct program *program;
    struct trial_block blocks[EXPLORE_THREADS][EXPLORE_OPERATIONS];
    bool removed[EXPLORE_OPERATIONS]; /* by core 0's operation, and not put back yet */
    struct call calls[EXPLORE_THREADS][EXPLORE_OPERATIONS];
    unsigned moments;
    uint64_t there; /* set: the pages that were inserted at the start */
    uint64_t held;  /* set: the pages that are held now */
    struct trial_result *result;
} trial;

/* ---- sets of pages ---- */

static uint64_t pages_of(pfn_t pfn, uint64_t count)
{
    uint64_t ones = count >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1;

    return ones << (pfn - trial.arena.start);
}

static bool has_block(uint64_t free, unsigned order)
{
    uint64_t count = order_pages(order);

    for (uint64_t at = 0; at + count <= EXPLORE_PAGES; at += count) {
        uint64_t block = pages_of(trial.arena.start + at, count);
        if ((free & block) == block)
            return true;
    }
    return false;
}

/* ---- operations ---- */

static struct call *begin_call(unsigned thread, unsigned index)
{
    struct call *call = &trial.calls[thread][index];

    call->begin = ++trial.moments;
    call->end = UINT32_MAX;
    call->held = trial.held;
    return call;
}

static void allocate(unsigned thread, unsigned index, unsigned order)
{
    struct call *call = begin_call(thread, index);
    pfn_t pfn = arena_allocate(&trial.arena, &trial.cores[thread], order);

    call->end = ++trial.moments;
    call->order = (uint8_t)order;
    call->refused = pfn == INVALID_PFN;
    if (call->refused)
        return;
    call->pages = pages_of(pfn, arena_block_pages(&trial.arena, order));
    trial.held |= call->pages;
    struct trial_block *block = &trial.blocks[thread][index];
    *block = (struct trial_block){.pfn = pfn, .held = true, .given = true};
    race_hand_over(thread, &block->handed_out);
}

static void give_back(unsigned thread, unsigned index, struct trial_block *block)
{
    uint64_t count =
        arena_block_pages(&trial.arena, (unsigned)arena_held_order(&trial.arena, block->pfn));

    block->held = false;
    race_take_over(thread, &block->handed_out);
    trial.held &= ~pages_of(block->pfn, count);
    struct call *call = begin_call(thread, index);
    call->pages = pages_of(block->pfn, count);
    arena_free(&trial.arena, &trial.cores[thread], block->pfn);
    call->end = ++trial.moments;
}

/* During the call the block counts as not held, so that no other thread frees it. */
static void free_wrongly(unsigned thread, struct trial_block *block)
{
    unsigned order = (unsigned)arena_held_order(&trial.arena, block->pfn);
    unsigned wrong = order ? order - 1 : 1;

    if (block->pfn % order_pages(wrong) ||
        arena_taken_order(&trial.arena, wrong) == arena_taken_order(&trial.arena, order))
        return;
    block->held = false;
    race_take_over(thread, &block->handed_out);
    arena_bad_free(&trial.arena, &trial.cores[thread], block->pfn, wrong, "a wrong order");
    race_hand_over(thread, &block->handed_out);
    block->held = true;
}

static void put_back(unsigned index)
{
    const struct program_operation *removal = &trial.program->operations[0][index];

    trial.removed[index] = false;
    enum page_error error = arena_plug(&trial.arena, trial.arena.start + removal->a, removal->b);
    if (error != PAGE_OK)
        fail(RULE_INSERT_REFUSED, "pages 0x%lx to 0x%lx, taken out before: %s",
             trial.arena.start + removal->a, trial.arena.start + removal->a + removal->b,
             page_error_name(error));
}

static void run_operation(unsigned thread, unsigned index)
{
    const struct program_operation *operation = &trial.program->operations[thread][index];
    struct trial_block *block =
        &trial.blocks[operation->a % EXPLORE_THREADS][operation->b % EXPLORE_OPERATIONS];

    switch (operation->kind) {
    case PROGRAM_ALLOCATE:
        allocate(thread, index, operation->a);
        break;
    case PROGRAM_FREE:
        if (block->held)
            give_back(thread, index, block);
        break;
    case PROGRAM_BAD_FREE:
        if (block->held)
            free_wrongly(thread, block);
        break;
    case PROGRAM_REMOVE:
        trial.removed[index] =
            arena_remove(&trial.arena, trial.arena.start + operation->a, operation->b) == PAGE_OK;
        break;
    case PROGRAM_PUT_BACK:
        if (trial.removed[operation->a])
            put_back(operation->a);
        break;
    case PROGRAM_COUNT:
        trial.arena.allocator->free_page_count(trial.arena.pool);
        break;
    default:
        break;
    }
}

/* ---- before and after ---- */

static void set_up(void)
{
    struct arena *arena = &trial.arena;

    arena_reset(arena);
    enum page_error error = arena_insert(arena, arena->start, trial.program->pages);
    if (error != PAGE_OK)
        fail(RULE_INSERT_REFUSED, "%u pages: %s", trial.program->pages, page_error_name(error));
    trial.there = arena->inserted[0];
    arena_remember(arena);
}

/* Pages that the program removes. They never count as free. */
static uint64_t removable(void)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < trial.program->count[0]; i++) {
        const struct program_operation *operation = &trial.program->operations[0][i];
        if (operation->kind == PROGRAM_REMOVE)
            pages |= pages_of(trial.arena.start + operation->a, operation->b);
    }
    return pages;
}

static void judge_refusal(unsigned thread, const struct call *refusal)
{
    uint64_t busy = refusal->held | removable();

    for (unsigned other = 0; other < EXPLORE_THREADS; other++)
        for (unsigned i = 0; i < trial.program->count[other]; i++) {
            const struct call *call = &trial.calls[other][i];
            if (call->begin < refusal->end && call->end > refusal->begin)
                busy |= call->pages;
        }
    if (refusal->order <= trial.arena.largest_order &&
        has_block(trial.there & ~busy, arena_taken_order(&trial.arena, refusal->order)))
        fail(RULE_FALSE_OOM, "order %u on core %u: a block was free all the time", refusal->order,
             thread_core(thread));
}

static void judge_refusals(void)
{
    const unsigned needed = PROMISE_COALESCES | PROMISE_TRUE_OOM;

    if ((trial.arena.allocator->promises & needed) != needed)
        return;
    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
        for (unsigned i = 0; i < trial.program->count[thread]; i++)
            if (trial.calls[thread][i].refused)
                judge_refusal(thread, &trial.calls[thread][i]);
}

static void inspect(void)
{
    judge_refusals();
    arena_check(&trial.arena);
    for (unsigned i = 0; i < EXPLORE_OPERATIONS; i++)
        if (trial.removed[i])
            put_back(i);
    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
        for (unsigned i = 0; i < EXPLORE_OPERATIONS; i++)
            if (trial.blocks[thread][i].held)
                arena_free(&trial.arena, &trial.cores[0], trial.blocks[thread][i].pfn);
    arena_check_residue(&trial.arena);
}

/* Debuggers stop here: this is still the stack of the thread that broke the rule. */
__attribute__((noinline)) void trial_broken(const char *title)
{
    format_text(trial.result->failure.title, FAILURE_TITLE_SIZE, "%s", title);
}

static void caught(enum rule rule, const char *title)
{
    trial.result->failure.rule = rule;
    trial_broken(title);
    simulator_abandon();
}

static void forget(void)
{
    memset(trial.blocks, 0, sizeof(trial.blocks));
    memset(trial.calls, 0, sizeof(trial.calls));
    memset(trial.removed, 0, sizeof(trial.removed));
    trial.moments = 0;
    trial.held = 0;
    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++) {
        struct core *core = &trial.cores[thread];
        core->number = thread_core(thread);
        core->in_interrupt = thread_is_interrupt(thread);
        core->serial = 0;
        core->now.operation = OPERATION_NONE;
        core->history_next = 0;
    }
}

void trial_run(const struct program *program, struct schedule *schedule,
               struct trial_result *result)
{
    trial.program = program;
    trial.result = result;
    result->failure.rule = RULE_NONE;
    result->points = 0;
    result->hash = 0;
    forget();
    statics_restore();
    failure_catch(caught);
    simulator_run_alone(set_up);
    if (!result->failure.rule) {
        simulator_run(program, schedule, run_operation);
        result->points = simulator_points();
        result->hash = simulator_hash();
    }
    if (!result->failure.rule)
        simulator_run_alone(inspect);
    failure_catch(NULL);
}

uint64_t trial_alignment(const struct page_allocator *allocator)
{
    uint64_t usual = 2 * EXPLORE_PAGES;

    return allocator->range_alignment > usual ? allocator->range_alignment : usual;
}

void trial_init(const struct trial_setup *setup)
{
    struct simulator_setup machine = setup->machine;
    struct arena *arena = &trial.arena;
    uint64_t alignment = setup->allocator->range_alignment;
    pfn_t end = setup->start + (alignment > EXPLORE_PAGES ? alignment : EXPLORE_PAGES);

    statics_keep(setup->statics, machine.take);
    arena_init(arena, setup->allocator, setup->start, end, UINT16_MAX, machine.take);
    machine.regions[0].start = (uintptr_t)arena->pool;
    machine.regions[0].size = setup->allocator->pool_size;
    machine.regions[1].start = (uintptr_t)arena->metadata;
    machine.regions[1].size = arena->metadata_size;
    machine.regions[2].start = (uintptr_t)pfn_to_address(setup->start);
    machine.regions[2].size = EXPLORE_PAGES * PAGE_SIZE;
    machine.regions[3].start = (uintptr_t)setup->globals;
    machine.regions[3].size = setup->globals_size;
    machine.place = trial_place;
    simulator_init(&machine);
}

/* ---- reporting ---- */

struct trial_outcome trial_outcome(unsigned thread, unsigned index)
{
    const struct trial_block *block = &trial.blocks[thread][index];

    return (struct trial_outcome){block->given ? block->pfn - trial.arena.start : INVALID_PFN,
                                  trial.calls[thread][index].end != UINT32_MAX};
}

static bool within(uintptr_t address, const void *start, size_t size)
{
    return address - (uintptr_t)start < size;
}

char *trial_place(uintptr_t address, char *text, size_t size)
{
    const struct arena *arena = &trial.arena;
    const char *pages = pfn_to_address(arena->start);

    if (within(address, arena->pool, arena->allocator->pool_size))
        format_text(text, size, "pool+0x%lx", (address - (uintptr_t)arena->pool));
    else if (within(address, arena->metadata, arena->metadata_size))
        format_text(text, size, "metadata+0x%lx", (address - (uintptr_t)arena->metadata));
    else if (within(address, pages, EXPLORE_PAGES * PAGE_SIZE))
        format_text(text, size, "page %lu+0x%lx", ((address - (uintptr_t)pages) >> PAGE_SHIFT),
                    (address & (PAGE_SIZE - 1)));
    else
        format_text(text, size, "0x%lx", address);
    return text;
}

bool trial_same_failure(const struct trial_failure *failure, const struct trial_failure *other)
{
    return failure->rule == other->rule &&
           (failure->rule != RULE_RACE || strcmp(failure->title, other->title) == 0);
}
