#include <lib/prng.h>
#include <stress/content.h>

struct content content_make(pfn_t pfn, unsigned order, uint64_t who, uint64_t sample)
{
    uint64_t key = prng_mix(pfn ^ prng_mix(who));

    return (struct content){pfn, order, key, key % sample == 0};
}

static uint64_t word_at(uint64_t key, pfn_t pfn, uint64_t index)
{
    return key + (pfn << 9 | index) * 0x9e3779b97f4a7c15;
}

/* The pages that are filled lie this far apart. */
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

void content_fill(struct content content)
{
    for (pfn_t pfn = content.pfn; pfn < end_of(&content); pfn += page_step(&content)) {
        uint64_t *words = pfn_to_address(pfn);
        for (uint64_t i = 0; i < words_in_page(&content); i++)
            words[i] = word_at(content.key, pfn, i);
    }
}

bool content_check(struct content content, struct content_error *error)
{
    for (pfn_t pfn = content.pfn; pfn < end_of(&content); pfn += page_step(&content)) {
        const uint64_t *words = pfn_to_address(pfn);
        for (uint64_t i = 0; i < words_in_page(&content); i++) {
            uint64_t expected = word_at(content.key, pfn, i);
            if (words[i] == expected)
                continue;
            *error =
                (struct content_error){pfn, (unsigned)(i * sizeof(uint64_t)), words[i], expected};
            return false;
        }
    }
    return true;
}
