#include <lib/string.h>
#include <stress/statics.h>

static struct statics_range kept[STATICS_RANGES];
static void *copies[STATICS_RANGES];

void statics_keep(const struct statics_range *ranges, void *(*take)(size_t size, size_t align))
{
    for (unsigned i = 0; i < STATICS_RANGES; i++) {
        kept[i] = ranges[i];
        copies[i] = take(ranges[i].size + 1, 64);
        if (ranges[i].size)
            memcpy(copies[i], ranges[i].start, ranges[i].size);
    }
}

void statics_restore(void)
{
    for (unsigned i = 0; i < STATICS_RANGES; i++)
        if (kept[i].size)
            memcpy(kept[i].start, copies[i], kept[i].size);
}
