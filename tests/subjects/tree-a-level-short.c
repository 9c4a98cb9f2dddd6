/*
 * Writes behind its metadata: the loop that sums up the levels of its tree has `<` for `<=`, and
 * the pages' own level is not counted. What comes of it depends on what lies behind. Managarm
 * 4c668d12 mends such a sum.
 */
#include "tree.h"

static size_t metadata_size(pfn_t start, pfn_t end)
{
    size_t pages = tree_end(end) - tree_start(start), size = pages;

    for (unsigned depth = 0; depth < MAX_ORDER; depth++)
        size += pages >> (MAX_ORDER - depth);
    return size;
}

TREE("tree-a-level-short", .metadata_size = metadata_size);
