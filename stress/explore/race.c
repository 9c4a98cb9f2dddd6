#include <lib/string.h>
#include <stress/explore/race.h>

enum {
    SLOTS = 8192,      /* of the hash table of cells */
    CELLS = SLOTS / 2, /* of eight bytes each; a trial touches some hundreds */
    ACCESSES = 12, /* kept per cell. The oldest is replaced: races may be missed, not invented */
    KINDS = 4,     /* of accesses: read or write, plain or atomic */
    NOBODY = EXPLORE_THREADS,
};

struct cell {
    uintptr_t granule; /* address / 8 */
    uint32_t id;       /* given by race_id(), plus 1; 0: none yet */
    uint8_t count, oldest;
    uint8_t recent[EXPLORE_THREADS]; /* 1 + index of each thread's last of accesses[]; 0: none */
    uint8_t like[KINDS][EXPLORE_THREADS]; /* ... of its last access of each kind */
    uint8_t owner;              /* all of accesses[] are ordered before this thread's next one */
    bool written, plain;        /* has had a write; has had an access that is not atomic */
    uint8_t released;           /* set of bytes that were stored to atomically */
    struct race_moment release; /* an acquiring load of these bytes is ordered after this */
    struct race_access accesses[ACCESSES];
};

static struct {
    uint32_t trial;
    unsigned used, ids;
    struct race found;
    bool lost; /* an atomic access found no free cell: it may order what now seems to race */
    struct race_moment now[EXPLORE_THREADS];
    struct race_moment seen[EXPLORE_THREADS];   /* by relaxed loads: for an acquire fence */
    struct race_moment fenced[EXPLORE_THREADS]; /* at the last release fence */
    struct {
        uint32_t trial; /* that filled the slot; a slot of another trial is empty */
        uint32_t cell;
    } slots[SLOTS];
    struct cell cells[CELLS]; /* in the order of their first access, so close together */
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
    races.used = races.ids = 0;
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
    cell->id = 0;
    cell->count = cell->oldest = 0;
    memset(cell->recent, 0, sizeof(cell->recent));
    memset(cell->like, 0, sizeof(cell->like));
    cell->owner = NOBODY;
    cell->written = cell->plain = false;
    cell->released = 0;
    return cell;
}

/* The cell of eight bytes, or NULL if there are too many cells. */
static struct cell *cell_of(uintptr_t granule)
{
    uint64_t slot = (granule * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - 13);

    for (; races.slots[slot].trial == races.trial; slot = (slot + 1) % SLOTS)
        if (races.cells[races.slots[slot].cell].granule == granule)
            return &races.cells[races.slots[slot].cell];
    return new_cell(slot, granule);
}
_Static_assert(SLOTS == 1 << 13, "cell_of() takes so many bits");

/* Whether `before` is ordered before `access`: always so for accesses of one thread. */
static bool is_ordered(const struct race_access *before, const struct race_access *access)
{
    return before->clock <= races.now[access_thread(access)].of[access_thread(before)];
}

static bool is_conflict(const struct race_access *before, const struct race_access *access)
{
    unsigned kinds = access_kind(before) | access_kind(access);
    unsigned common = access_kind(before) & access_kind(access);

    return (access_bytes(before) & access_bytes(access)) && (kinds & ACCESS_WRITE) &&
           !(common & ACCESS_ATOMIC);
}

/* Whether the thread's last access here was the same and it has released nothing since (the clocks
 * are equal). Then other threads' accesses in between have been compared with that one. */
static bool is_repeated(const struct cell *cell, const struct race_access *access)
{
    unsigned recent = cell->recent[access_thread(access)];

    if (!recent)
        return false;
    const struct race_access *old = &cell->accesses[recent - 1];
    return old->what == access->what && old->clock == access->clock;
}

/* A free place, or that of the oldest access. */
static unsigned new_place(struct cell *cell, const struct race_access *access)
{
    cell->written |= (access_kind(access) & ACCESS_WRITE) != 0;
    cell->plain |= !(access_kind(access) & ACCESS_ATOMIC);
    if (cell->count < ACCESSES)
        return cell->count++;
    unsigned place = cell->oldest;
    cell->oldest = (uint8_t)((place + 1) % ACCESSES);
    return place;
}

/* The place of an access that this one replaces: of the same thread, bytes and kind. Otherwise a
 * new place. like: 1 + place of the thread's last access of this kind; 0: there is none. */
static unsigned place_of(struct cell *cell, const struct race_access *access, unsigned like)
{
    if (!like)
        return new_place(cell, access);
    if (cell->accesses[like - 1].what == access->what)
        return like - 1;
    for (unsigned place = 0; place < cell->count; place++)
        if (cell->accesses[place].what == access->what)
            return place;
    return new_place(cell, access);
}

static void keep(struct cell *cell, const struct race_access *access)
{
    unsigned thread = access_thread(access);
    uint8_t *like = &cell->like[access_kind(access)][thread];
    unsigned place = place_of(cell, access, *like);

    cell->accesses[place] = *access;
    cell->recent[thread] = *like = (uint8_t)(place + 1);
    if (cell->owner != thread)
        cell->owner = NOBODY;
}
_Static_assert((ACCESS_WRITE | ACCESS_ATOMIC) == KINDS - 1, "they number the kinds");

/* A race needs a write, and an access that is not atomic. */
static bool may_race(const struct cell *cell, const struct race_access *access)
{
    unsigned kind = access_kind(access);

    return (cell->written || (kind & ACCESS_WRITE)) && (cell->plain || !(kind & ACCESS_ATOMIC));
}

/* Compare an access with those in the cell. If all are ordered before it, its thread becomes the
 * owner, which need not compare again until another thread comes. */
static bool find_race(struct cell *cell, const struct race_access *access, uintptr_t address)
{
    bool ordered = true;

    if (cell->owner == access_thread(access) || !may_race(cell, access))
        return false;
    for (unsigned i = 0; i < cell->count; i++) {
        if (is_ordered(&cell->accesses[i], access))
            continue;
        ordered = false;
        if (is_conflict(&cell->accesses[i], access)) {
            races.found = (struct race){address, cell->accesses[i], *access};
            return true;
        }
    }
    if (ordered)
        cell->owner = (uint8_t)access_thread(access);
    return false;
}

static void acquire(struct cell *cell, unsigned thread, unsigned kind)
{
    if (!cell->released)
        return;
    join(kind & ACCESS_ACQUIRE ? &races.now[thread] : &races.seen[thread], &cell->release);
}

/*
 * A store begins a release sequence or, if it is relaxed, ends the previous one. A
 * read-modify-write continues it. (C11 5.1.2.4) Releases by other bytes of the cell are kept: so a
 * race may be missed, but none is invented.
 */
static void release(struct cell *cell, unsigned thread, unsigned kind, unsigned bytes)
{
    const struct race_moment *clock =
        kind & ACCESS_RELEASE ? &races.now[thread] : &races.fenced[thread];

    if (((kind & ACCESS_MODIFY) && cell->released) || (cell->released & ~bytes))
        join(&cell->release, clock);
    else
        cell->release = *clock;
    cell->released |= (uint8_t)bytes;
    if (kind & ACCESS_RELEASE)
        races.now[thread].of[thread]++;
}

static unsigned bytes_of(uintptr_t address, unsigned size)
{
    return (((1u << size) - 1) << (address & 7)) & 0xff;
}

const struct race *race_found(void)
{
    return &races.found;
}

/* Note an access to the cell. Returns whether it races. */
static bool access_cell(struct cell *cell, unsigned thread, uintptr_t address, unsigned size,
                        unsigned kind, const void *at, const char *lock)
{
    const unsigned atomic_write = ACCESS_ATOMIC | ACCESS_WRITE;

    if ((kind & atomic_write) == ACCESS_ATOMIC || (kind & ACCESS_MODIFY))
        acquire(cell, thread, kind);
    struct race_access access = {
        races.now[thread].of[thread],
        ACCESS_WHAT(thread, kind, bytes_of(address, size)),
        at,
        lock,
    };
    if (!(kind & ACCESS_ATOMIC) && is_repeated(cell, &access))
        return false;
    bool found = find_race(cell, &access, address);
    keep(cell, &access);
    if ((kind & atomic_write) == atomic_write)
        release(cell, thread, kind, bytes_of(address, size));
    return found && !races.lost;
}

struct race_answer race_access(unsigned thread, uintptr_t address, unsigned size, unsigned kind,
                               const void *at, const char *lock)
{
    struct cell *cell = cell_of(address >> 3);

    if (!cell) {
        races.lost |= (kind & ACCESS_ATOMIC) != 0;
        return (struct race_answer){CELLS, false};
    }
    return (struct race_answer){(uint32_t)(cell - races.cells),
                                access_cell(cell, thread, address, size, kind, at, lock)};
}

uint32_t race_id(struct race_answer answer)
{
    if (answer.cell == CELLS)
        return CELLS;
    struct cell *cell = &races.cells[answer.cell];
    if (!cell->id)
        cell->id = ++races.ids;
    return cell->id - 1;
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
