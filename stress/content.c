#include <lib/prng.h>
#include <stress/content.h>
#include <stress/watchdog.h>

enum { FORGED_WORDS = 4 };

static uint64_t (*allocators_forge)(void *pool, pfn_t pfn, uint64_t key);
static void *forged_pool;

void content_set_forger(uint64_t (*forge)(void *pool, pfn_t pfn, uint64_t key), void *pool)
{
    allocators_forge = forge;
    forged_pool = pool;
}

struct content content_make(pfn_t pfn, unsigned order, uint64_t who, uint64_t sample)
{
    uint64_t key = prng_mix(pfn ^ prng_mix(who));

    return (struct content){pfn, order, key, key % sample == 0};
}

/*
 * A word that an allocator may take for its own if it reads a held page as if it were free: the end
 * of a list, a link to the buddy or to the page itself, a page number, a small order.
 */
static uint64_t forged_word(uint64_t key, pfn_t pfn, uint64_t index)
{
    const uint64_t forgeries[] = {
        0,
        (uintptr_t)pfn_to_address(pfn ^ 1),
        (uintptr_t)pfn_to_address(pfn),
        pfn ^ 1,
        UINT64_MAX,
        key >> 60,
    };
    return forgeries[((key >> 8) + index) % (sizeof(forgeries) / sizeof(forgeries[0]))];
}

/*
 * In one block of four, the words where a free page would have its links are forged. In three of
 * four such blocks the allocator's own forge() makes them, if it has one.
 */
static uint64_t word_at(const struct content *content, pfn_t pfn, uint64_t index)
{
    if (index < FORGED_WORDS && content->key % 16 != 1 && content->key % 4 == 1 && allocators_forge)
        return allocators_forge(forged_pool, pfn, prng_mix(content->key + index));
    if (index < FORGED_WORDS && content->key % 4 == 1)
        return forged_word(content->key, pfn, index);
    return content->key + (pfn << 9 | index) * 0x9e3779b97f4a7c15;
}

/* Distance, in pages, from one filled page to the next. */
static uint64_t page_step(const struct content *content)
{
    uint64_t pages = (uint64_t)1 << content->order;

    return pages > CONTENT_PAGES ? pages / CONTENT_PAGES : 1;
}

static uint64_t words_in_page(const struct content *content)
{
    return (content->full ? PAGE_SIZE : CONTENT_LINE) / sizeof(uint64_t);
}

static pfn_t end_of(const struct content *content)
{
    return content->full ? content->pfn + ((pfn_t)1 << content->order) : content->pfn + 1;
}

void content_fill(struct content content, bool progress)
{
    for (pfn_t pfn = content.pfn; pfn < end_of(&content); pfn += page_step(&content)) {
        uint64_t *words = pfn_to_address(pfn);
        for (uint64_t i = 0; i < words_in_page(&content); i++)
            words[i] = word_at(&content, pfn, i);
        if (progress)
            watchdog_progress();
    }
}

bool content_check(struct content content, bool progress, struct content_error *error)
{
    for (pfn_t pfn = content.pfn; pfn < end_of(&content); pfn += page_step(&content)) {
        const uint64_t *words = pfn_to_address(pfn);
        for (uint64_t i = 0; i < words_in_page(&content); i++) {
            uint64_t expected = word_at(&content, pfn, i);
            if (words[i] == expected)
                continue;
            *error =
                (struct content_error){pfn, (unsigned)(i * sizeof(uint64_t)), words[i], expected};
            return false;
        }
        if (progress)
            watchdog_progress();
    }
    return true;
}
