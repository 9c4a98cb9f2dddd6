#include <lib/string.h>
#include <stress/explore/race.h>

enum {
    SLOTS = 8192,      /* where a cell's address may hash to */
    CELLS = SLOTS / 2, /* of eight bytes each; a trial touches some hundreds */
    ACCESSES = 12, /* kept of each; the oldest gives way, so a race may be missed, never invented */
};

struct cell {
    uintptr_t granule; /* address / 8 */
    uint8_t count, oldest;
    uint8_t recent[EXPLORE_THREADS]; /* each thread's last one of `accesses`, plus 1; 0: none */
    bool written, released;
    struct race_moment release; /* what an acquiring load here is ordered after */
    struct race_access accesses[ACCESSES];
};

static struct {
    uint32_t trial;
    unsigned used;
    bool lost; /* an atomic found no room for a cell: it may have ordered what now seems to race */
    struct race_moment now[EXPLORE_THREADS];
    struct race_moment seen[EXPLORE_THREADS];   /* by relaxed loads: for an acquire fence */
    struct race_moment fenced[EXPLORE_THREADS]; /* at the last release fence */
    struct {
        uint32_t trial; /* whose it is; another's is empty */
        uint32_t cell;
    } slots[SLOTS];
    struct cell cells[CELLS]; /* in the order in which the trial came to them: close together */
} races;

static void join(struct race_moment *clock, const struct race_moment *other)
{
    for (unsigned i = 0; i < EXPLORE_THREADS; i++)
        if (other->of[i] > clock->of[i])
            clock->of[i] = other->of[i];
}

void race_reset(void)
{
    races.trial++;
    races.used = 0;
    races.lost = false;
    memset(races.now, 0, sizeof(races.now));
    memset(races.seen, 0, sizeof(races.seen));
    memset(races.fenced, 0, sizeof(races.fenced));
    for (unsigned i = 0; i < EXPLORE_THREADS; i++)
        races.now[i].of[i] = 1;
}

static struct cell *new_cell(uint64_t slot, uintptr_t granule)
{
    if (races.used == CELLS)
        return NULL;
    struct cell *cell = &races.cells[races.used];
    races.slots[slot].trial = races.trial;
    races.slots[slot].cell = races.used++;
    cell->granule = granule;
    cell->count = cell->oldest = 0;
    memset(cell->recent, 0, sizeof(cell->recent));
    cell->written = cell->released = false;
    return cell;
}

/* The cell of eight bytes, or NULL if there are too many. */
static struct cell *cell_of(uintptr_t granule)
{
    uint64_t slot = (granule * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - 13);

    for (; races.slots[slot].trial == races.trial; slot = (slot + 1) % SLOTS)
        if (races.cells[races.slots[slot].cell].granule == granule)
            return &races.cells[races.slots[slot].cell];
    return new_cell(slot, granule);
}
_Static_assert(SLOTS == 1 << 13, "cell_of() takes so many bits");

static bool is_race(const struct race_access *before, const struct race_access *access)
{
    unsigned first = access_thread(before), second = access_thread(access);
    unsigned kinds = access_kind(before) | access_kind(access);
    unsigned common = access_kind(before) & access_kind(access);

    return first != second && (access_bytes(before) & access_bytes(access)) &&
           (kinds & ACCESS_WRITE) && !(common & ACCESS_ATOMIC) &&
           before->clock > races.now[second].of[first];
}

/* As often before, and since then this thread has ordered nothing: whoever came in between has been
 * held against it. */
static bool is_repeated(const struct cell *cell, const struct race_access *access)
{
    unsigned recent = cell->recent[access_thread(access)];

    if (!recent)
        return false;
    const struct race_access *old = &cell->accesses[recent - 1];
    return old->what == access->what && old->clock == access->clock;
}

/* In place of one that says no more - the same thread's, of the same bytes, as strong - or of the
 * oldest. */
static void keep(struct cell *cell, const struct race_access *access)
{
    unsigned place = 0;

    while (place < cell->count && cell->accesses[place].what != access->what)
        place++;
    if (place == ACCESSES) {
        place = cell->oldest;
        cell->oldest = (uint8_t)((place + 1) % ACCESSES);
    } else if (place == cell->count) {
        cell->count++;
    }
    cell->accesses[place] = *access;
    cell->recent[access_thread(access)] = (uint8_t)(place + 1);
    cell->written |= access_kind(access) & ACCESS_WRITE;
}

static bool find_race(const struct cell *cell, const struct race_access *access, uintptr_t address,
                      struct race *race)
{
    if (!cell->written && !(access_kind(access) & ACCESS_WRITE))
        return false;
    for (unsigned i = 0; i < cell->count; i++)
        if (is_race(&cell->accesses[i], access)) {
            *race = (struct race){address, cell->accesses[i], *access};
            return true;
        }
    return false;
}

static void acquire(struct cell *cell, unsigned thread, unsigned kind)
{
    if (!cell->released)
        return;
    join(kind & ACCESS_ACQUIRE ? &races.now[thread] : &races.seen[thread], &cell->release);
}

/* A store begins a release sequence or, if it is relaxed, ends the one there was; a
 * read-modify-write goes on with it. (C11 5.1.2.4) */
static void release(struct cell *cell, unsigned thread, unsigned kind)
{
    const struct race_moment *clock =
        kind & ACCESS_RELEASE ? &races.now[thread] : &races.fenced[thread];

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

    *id = cell ? (unsigned)(cell - races.cells) : CELLS;
    races.lost |= !cell && (kind & ACCESS_ATOMIC);
    if (!cell)
        return false;
    bool atomic = kind & ACCESS_ATOMIC, writes = kind & ACCESS_WRITE;
    if (atomic && (!writes || (kind & ACCESS_MODIFY)))
        acquire(cell, thread, kind);
    struct race_access access = {
        races.now[thread].of[thread],
        ACCESS_WHAT(thread, kind, bytes_of(address, size)),
        at,
        lock,
    };
    if (!atomic && is_repeated(cell, &access))
        return false;
    bool found = find_race(cell, &access, address, race);
    keep(cell, &access);
    if (atomic && writes)
        release(cell, thread, kind);
    return found && !races.lost;
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

void race_hand_over(unsigned thread, struct race_moment *moment)
{
    *moment = races.now[thread];
    races.now[thread].of[thread]++;
}

void race_take_over(unsigned thread, const struct race_moment *moment)
{
    join(&races.now[thread], moment);
}
