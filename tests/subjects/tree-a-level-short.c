/*
 * Writes behind its metadata: "wild-access". The loop that adds up the levels of its tree has `<`
 * instead of `<=`. So the last level, a few bytes, has no memory. Managarm 4c668d12 fixes such a
 * sum.
 */
#include "tree.h"

static size_t metadata_size(pfn_t start, pfn_t end)
{
    size_t pages = tree_end(end) - tree_start(start), size = pages;

    for (unsigned order = 0; order < MAX_ORDER; order++)
        size += pages >> order;
    return size;
}

TREE("tree-a-level-short", .metadata_size = metadata_size);
