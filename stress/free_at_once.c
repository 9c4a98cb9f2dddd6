#include <lib/count.h>
#include <lib/fail.h>
#include <stress/checked_call.h>
#include <stress/free_at_once.h>

struct free_at_once free_at_once_begin(struct arena *arena, struct core *core, pfn_t pfn)
{
    return (struct free_at_once){.pfn = pfn, .block = arena_give_up(arena, core, pfn)};
}

/* A core, or its interrupt handler: never 0. */
static uint32_t caller_of(const struct core *core)
{
    return 2 * (core->number + 1) + core->in_interrupt;
}

static uint32_t number_of(uint32_t caller)
{
    return caller / 2 - 1;
}

static const char *where_of(uint32_t caller)
{
    return caller % 2 ? " in an interrupt" : "";
}

bool free_at_once(struct arena *arena, struct core *core, struct free_at_once *shared)
{
    struct block block = shared->block;

    checked_call_remember(core, OPERATION_FREE, shared->pfn, block);
    enum page_error error = checked_free(arena, core, OPERATION_FREE, shared->pfn, block);
    if (error != PAGE_OK) {
        __atomic_store_n(&shared->refusal, error, __ATOMIC_RELAXED);
        count_add(&core->counts.bad_frees, 1);
        return false;
    }
    uint32_t me = caller_of(core);
    uint32_t other = __atomic_exchange_n(&shared->accepted, me, __ATOMIC_RELAXED);
    if (other)
        fail(RULE_BAD_FREE, "pfn 0x%lx order %u accepted twice: from core %u%s and from core %u%s",
             shared->pfn, block.order, number_of(other), where_of(other), number_of(me),
             where_of(me));
    count_add(&core->counts.frees, 1);
    count_add(&core->counts.cross_frees, block.core != core->number);
    return true;
}

void free_at_once_end(const struct free_at_once *shared)
{
    uint32_t refusal = __atomic_load_n(&shared->refusal, __ATOMIC_RELAXED);

    if (!__atomic_load_n(&shared->accepted, __ATOMIC_RELAXED))
        fail(RULE_FREE_REFUSED, "pfn 0x%lx order %u, freed by two at once, refused to both: %s",
             shared->pfn, shared->block.order, page_error_name((enum page_error)refusal));
}
