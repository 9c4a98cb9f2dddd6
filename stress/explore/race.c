#include <lib/string.h>
#include <stress/explore/race.h>

enum {
    CELLS = 4096, /* of eight bytes each; a trial touches some hundreds */
    CELLS_USED = CELLS / 4 * 3,
    ACCESSES = 12, /* kept of each; the oldest gives way, so a race may be missed, never invented */
};

struct clock {
    uint32_t of[EXPLORE_THREADS];
};

struct cell {
    uintptr_t granule; /* address / 8 */
    uint32_t trial;    /* whose it is; another's is empty */
    uint16_t id;
    uint8_t count, oldest;
    bool released;
    struct clock release; /* what an acquiring load here is ordered after */
    struct race_access accesses[ACCESSES];
};

static struct {
    uint32_t trial;
    unsigned used;
    struct clock now[EXPLORE_THREADS];
    struct clock seen[EXPLORE_THREADS];   /* by relaxed loads: for an acquire fence */
    struct clock fenced[EXPLORE_THREADS]; /* at the last release fence */
    struct cell cells[CELLS];
} races;

static void join(struct clock *clock, const struct clock *other)
{
    for (unsigned i = 0; i < EXPLORE_THREADS; i++)
        if (other->of[i] > clock->of[i])
            clock->of[i] = other->of[i];
}

void race_reset(void)
{
    races.trial++;
    races.used = 0;
    memset(races.now, 0, sizeof(races.now));
    memset(races.seen, 0, sizeof(races.seen));
    memset(races.fenced, 0, sizeof(races.fenced));
    for (unsigned i = 0; i < EXPLORE_THREADS; i++)
        races.now[i].of[i] = 1;
}

/* The cell of eight bytes, or NULL if there are too many. */
static struct cell *cell_of(uintptr_t granule)
{
    uint64_t at = (granule * UINT64_C(0x9e3779b97f4a7c15)) >> 52;

    for (;; at = (at + 1) % CELLS) {
        struct cell *cell = &races.cells[at];
        if (cell->trial != races.trial) {
            if (races.used == CELLS_USED)
                return NULL;
            cell->granule = granule;
            cell->trial = races.trial;
            cell->id = (uint16_t)races.used++;
            cell->count = cell->oldest = 0;
            cell->released = false;
            return cell;
        }
        if (cell->granule == granule)
            return cell;
    }
}
_Static_assert(CELLS == 1 << 12, "cell_of() shifts by 64 - 12");

static bool is_race(const struct race_access *before, const struct race_access *access)
{
    return before->thread != access->thread && (before->bytes & access->bytes) &&
           ((before->kind | access->kind) & ACCESS_WRITE) &&
           !(before->kind & access->kind & ACCESS_ATOMIC) &&
           before->clock > races.now[access->thread].of[before->thread];
}

/* In place of one that says less: the same thread's, of the same bytes, no stronger. */
static void keep(struct cell *cell, const struct race_access *access)
{
    for (unsigned i = 0; i < cell->count; i++) {
        struct race_access *old = &cell->accesses[i];
        if (old->thread == access->thread && old->bytes == access->bytes &&
            ((old->kind ^ access->kind) & (ACCESS_WRITE | ACCESS_ATOMIC)) == 0) {
            *old = *access;
            return;
        }
    }
    if (cell->count < ACCESSES) {
        cell->accesses[cell->count++] = *access;
        return;
    }
    cell->accesses[cell->oldest] = *access;
    cell->oldest = (uint8_t)((cell->oldest + 1) % ACCESSES);
}

static void acquire(struct cell *cell, unsigned thread, unsigned kind)
{
    if (!cell->released)
        return;
    join(kind & ACCESS_ACQUIRE ? &races.now[thread] : &races.seen[thread], &cell->release);
}

/* A store begins a release sequence or, if it is relaxed, ends the one there was; a read-modify-write
 * goes on with it. (C11 5.1.2.4) */
static void release(struct cell *cell, unsigned thread, unsigned kind)
{
    const struct clock *clock = kind & ACCESS_RELEASE ? &races.now[thread] : &races.fenced[thread];

    if ((kind & ACCESS_MODIFY) && cell->released)
        join(&cell->release, clock);
    else
        cell->release = *clock;
    cell->released = true;
    if (kind & ACCESS_RELEASE)
        races.now[thread].of[thread]++;
}

static unsigned bytes_of(uintptr_t address, unsigned size)
{
    return (((1u << size) - 1) << (address & 7)) & 0xff;
}

bool race_access(unsigned thread, uintptr_t address, unsigned size, unsigned kind, const void *at,
                 const char *lock, unsigned *id, struct race *race)
{
    struct cell *cell = cell_of(address >> 3);
    bool found = false;

    *id = cell ? cell->id : CELLS;
    if (!cell)
        return false;
    bool atomic = kind & ACCESS_ATOMIC, writes = kind & ACCESS_WRITE;
    if (atomic && (!writes || (kind & ACCESS_MODIFY)))
        acquire(cell, thread, kind);
    struct race_access access = {
        races.now[thread].of[thread], (uint8_t)thread, (uint8_t)kind,
        (uint8_t)bytes_of(address, size), at, lock,
    };
    for (unsigned i = 0; i < cell->count && !found; i++)
        if (is_race(&cell->accesses[i], &access)) {
            *race = (struct race){address, cell->accesses[i], access};
            found = true;
        }
    keep(cell, &access);
    if (atomic && writes)
        release(cell, thread, kind);
    return found;
}

void race_fence(unsigned thread, unsigned kind)
{
    if (kind & ACCESS_ACQUIRE)
        join(&races.now[thread], &races.seen[thread]);
    if (kind & ACCESS_RELEASE) {
        races.fenced[thread] = races.now[thread];
        races.now[thread].of[thread]++;
    }
}

void race_order(unsigned before, unsigned after)
{
    join(&races.now[after], &races.now[before]);
    races.now[before].of[before]++;
}
