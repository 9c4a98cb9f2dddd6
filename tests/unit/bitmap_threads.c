/*
 * Several threads set and clear bits of one word. No change is lost, and one thread at a time has a
 * bit.
 */
#include <lib/bitmap.h>
#include <lib/prng.h>
#include <pthread.h>
#include <tests/unit/unit.h>

enum { THREADS = 4, BITS = 256, TURNS = 40000 };

static uint64_t map[BITMAP_WORDS(BITS)];

/* Each thread has bits of its own, scattered among the others': thread i % THREADS owns bit i. */
static void *own_bits(void *argument)
{
    uint64_t me = (uintptr_t)argument;
    struct prng prng;
    prng_seed(&prng, 9, me);
    for (int turn = 0; turn < TURNS; turn++) {
        uint64_t bit = prng_below(&prng, BITS / THREADS) * THREADS + me;
        bool was = bitmap_test(map, bit);
        uint64_t conflict = was ? bitmap_clear_range(map, bit, 1) : bitmap_set_range(map, bit, 1);
        CHECK_EQUAL(conflict, BITMAP_NONE);
    }
    for (uint64_t bit = me; bit < BITS; bit += THREADS)
        bitmap_set_range(map, bit, 1);
    return NULL;
}

TEST(own_bits)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, own_bits, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQUAL(bitmap_find_clear(map, 0, BITS), BITMAP_NONE);
}

static uint64_t taken;

/* All threads want the same bits. As many succeed as there are bits. */
static void *take_all(void *argument)
{
    (void)argument;
    for (uint64_t bit = 0; bit < BITS; bit++) {
        if (bitmap_clear_range(map, bit, 1) == BITMAP_NONE)
            __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

TEST(one_winner_a_bit)
{
    pthread_t threads[THREADS];
    bitmap_set_range(map, 0, BITS);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, take_all, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQUAL(taken, BITS);
}
