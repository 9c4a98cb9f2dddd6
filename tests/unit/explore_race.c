/* stress/explore/race.c: which accesses are ordered and which are not, down to the byte. */
#include <stress/explore/race.h>
#include <tests/unit/unit.h>

enum {
    LOAD = ACCESS_ATOMIC | ACCESS_ACQUIRE,
    STORE = ACCESS_ATOMIC | ACCESS_WRITE | ACCESS_RELEASE,
    RELAXED_STORE = ACCESS_ATOMIC | ACCESS_WRITE,
    RELAXED_LOAD = ACCESS_ATOMIC,
    SWAP = ACCESS_ATOMIC | ACCESS_WRITE | ACCESS_MODIFY | ACCESS_ACQUIRE | ACCESS_RELEASE,
    RELAXED_SWAP = ACCESS_ATOMIC | ACCESS_WRITE | ACCESS_MODIFY,
    DATA = 0x1000,
    FLAG = 0x2000,
};

static struct race race;

static bool access(unsigned thread, uintptr_t address, unsigned size, unsigned kind)
{
    struct race_answer answer =
        race_access(thread, address, size, kind, (void *)(uintptr_t)(thread + 1), "none");

    if (answer.races)
        race = *race_found();
    return answer.races;
}

TEST(two_writes_race)
{
    race_reset();
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    CHECK(access(1, DATA, 8, ACCESS_WRITE));
    CHECK_EQUAL(access_thread(&race.first), 0);
    CHECK_EQUAL(access_thread(&race.second), 1);
    CHECK_EQUAL(race.address, DATA);
}

TEST(reads_do_not_race_but_with_writes)
{
    race_reset();
    CHECK(!access(0, DATA, 8, ACCESS_READ));
    CHECK(!access(1, DATA, 8, ACCESS_READ));
    CHECK(access(2, DATA, 8, ACCESS_WRITE));
    race_reset();
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    CHECK(!access(0, DATA, 8, ACCESS_READ));
    CHECK(access(1, DATA, 8, ACCESS_READ));
}

TEST(what_is_handed_over_is_ordered_and_no_more)
{
    struct race_moment moment;

    race_reset();
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    race_hand_over(0, &moment);
    CHECK(!access(0, DATA + 8, 8, ACCESS_WRITE));
    race_take_over(1, &moment);
    CHECK(!access(1, DATA, 8, ACCESS_WRITE));
    CHECK(access(1, DATA + 8, 8, ACCESS_WRITE));
}

/* If there was no cell for the flag, nobody knows whether it ordered anything. */
TEST(no_race_is_told_once_an_order_may_be_missed)
{
    race_reset();
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    for (uintptr_t i = 1; i <= 4096; i++)
        CHECK(!access(0, DATA + 8 * i, 8, ACCESS_WRITE));
    CHECK(!access(0, 0x100000, 8, STORE));
    CHECK(!access(1, 0x100000, 8, LOAD));
    CHECK(!access(1, DATA, 8, ACCESS_WRITE));
    race_reset();
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    CHECK(access(1, DATA, 8, ACCESS_WRITE));
}

TEST(bytes_are_told_apart)
{
    race_reset();
    for (unsigned byte = 0; byte < 8; byte++)
        CHECK(!access(byte % EXPLORE_THREADS, DATA + byte, 1, ACCESS_WRITE));
    CHECK(access(0, DATA + 1, 1, ACCESS_READ));
    CHECK(!access(1, DATA + 1, 1, ACCESS_READ));
}

TEST(release_and_acquire_order)
{
    race_reset();
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    CHECK(!access(0, FLAG, 4, STORE));
    CHECK(!access(1, FLAG, 4, LOAD));
    CHECK(!access(1, DATA, 8, ACCESS_WRITE));
    CHECK(access(0, DATA, 8, ACCESS_READ)); /* nothing is ordered in the other direction */
}

TEST(what_comes_after_a_release_is_not_ordered)
{
    race_reset();
    CHECK(!access(0, FLAG, 4, STORE));
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    CHECK(!access(1, FLAG, 4, LOAD));
    CHECK(access(1, DATA, 8, ACCESS_READ));
}

TEST(relaxed_orders_nothing)
{
    race_reset();
    access(0, DATA, 8, ACCESS_WRITE);
    access(0, FLAG, 4, RELAXED_STORE);
    access(1, FLAG, 4, LOAD);
    CHECK(access(1, DATA, 8, ACCESS_READ));
    race_reset();
    access(0, DATA, 8, ACCESS_WRITE);
    access(0, FLAG, 4, STORE);
    access(1, FLAG, 4, RELAXED_LOAD);
    CHECK(access(1, DATA, 8, ACCESS_READ));
}

TEST(fences_order)
{
    race_reset();
    access(0, DATA, 8, ACCESS_WRITE);
    race_fence(0, ACCESS_RELEASE);
    access(0, FLAG, 4, RELAXED_STORE);
    access(1, FLAG, 4, RELAXED_LOAD);
    race_fence(1, ACCESS_ACQUIRE);
    CHECK(!access(1, DATA, 8, ACCESS_READ));
}

/* A read-modify-write continues a release sequence, even a relaxed one. A store ends it. */
TEST(release_sequences)
{
    race_reset();
    access(0, DATA, 8, ACCESS_WRITE);
    access(0, FLAG, 4, STORE);
    access(1, FLAG, 4, RELAXED_SWAP);
    access(2, FLAG, 4, LOAD);
    CHECK(!access(2, DATA, 8, ACCESS_READ));
    race_reset();
    access(0, DATA, 8, ACCESS_WRITE);
    access(0, FLAG, 4, STORE);
    access(1, FLAG, 4, RELAXED_STORE);
    access(2, FLAG, 4, LOAD);
    CHECK(access(2, DATA, 8, ACCESS_READ));
}

/* As for the nodes of a queued lock: another core stores to the memory beside it. */
TEST(a_store_beside_it_ends_no_release_sequence)
{
    race_reset();
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    CHECK(!access(0, FLAG, 4, STORE));
    CHECK(!access(1, FLAG + 4, 4, RELAXED_STORE));
    CHECK(!access(1, FLAG, 4, LOAD));
    CHECK(!access(1, DATA, 8, ACCESS_WRITE));
    race_reset();
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    CHECK(!access(0, FLAG, 4, STORE));
    CHECK(!access(1, FLAG, 4, RELAXED_STORE));
    CHECK(!access(1, FLAG, 4, LOAD));
    CHECK(access(1, DATA, 8, ACCESS_WRITE));
}

TEST(atomics_race_with_plain_accesses_only)
{
    race_reset();
    CHECK(!access(0, FLAG, 4, SWAP));
    CHECK(!access(1, FLAG, 4, RELAXED_STORE));
    CHECK(!access(2, FLAG, 4, RELAXED_LOAD));
    CHECK(access(3, FLAG, 4, ACCESS_WRITE));
}

TEST(an_interrupt_is_ordered_with_its_core)
{
    race_reset();
    access(0, DATA, 8, ACCESS_WRITE);
    race_order(0, EXPLORE_CORES);
    CHECK(!access(EXPLORE_CORES, DATA, 8, ACCESS_WRITE));
    race_order(EXPLORE_CORES, 0);
    CHECK(!access(0, DATA, 8, ACCESS_WRITE));
    CHECK(access(EXPLORE_CORES, DATA, 8, ACCESS_READ)); /* an interrupt that was not sent */
}

TEST(a_trial_knows_nothing_of_the_one_before)
{
    race_reset();
    access(0, DATA, 8, ACCESS_WRITE);
    race_reset();
    CHECK(!access(1, DATA, 8, ACCESS_WRITE));
}

TEST(places_are_numbered_as_they_are_asked_for)
{
    race_reset();
    access(0, DATA, 8, ACCESS_WRITE);
    CHECK_EQUAL(race_id(race_access(0, 0x5008, 8, ACCESS_READ, NULL, "")), 0);
    CHECK_EQUAL(race_id(race_access(0, 0x1000, 4, ACCESS_READ, NULL, "")), 1);
    CHECK_EQUAL(race_id(race_access(1, 0x500c, 4, ACCESS_READ, NULL, "")), 0);
}

/* More addresses than there are cells. The rest is not watched, and nothing breaks. */
TEST(too_many_places)
{
    race_reset();
    for (uintptr_t i = 0; i < 10000; i++)
        CHECK(!access(0, i * 8, 8, ACCESS_WRITE));
    CHECK(!access(1, 9999 * 8, 8, ACCESS_WRITE));
    CHECK(access(1, 0, 8, ACCESS_WRITE));
}
