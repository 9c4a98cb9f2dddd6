/*
 * Between C and C++: the student's class, as the adapter sees it. One generation of the interface
 * is linked in (bridge_2024.cpp, ...). There are only built-in types, because the C++ side has no
 * standard headers: their names and those of StACSOS's global.h would clash.
 */
#pragma once

enum {
    STACSOS_OBJECT_SIZE = 65536, /* room for the student's class */
    STACSOS_LAST_ORDER = 16,     /* as in the assignment; the constant in the class is private */
};

#define STACSOS_NO_PAGE (~0ul)

/* The values of page_allocator_error of 2026. The older interfaces have the first two only. */
enum stacsos_error {
    STACSOS_NONE,
    STACSOS_OUT_OF_MEMORY,
    STACSOS_ORDER_OUT_OF_RANGE,
    STACSOS_PAGE_NOT_ALIGNED,
    STACSOS_NOT_IMPLEMENTED,
};

struct stacsos_stats {
    unsigned long used_pages, free_pages;
};

/* Bytes of one page descriptor, and the descriptor of page frame 0. */
unsigned long stacsos_descriptor_size(void);
extern void *stacsos_page_array;

/* Construct the allocator in `object`, which is zeroed, as StACSOS does. */
void stacsos_construct(void *object);

void stacsos_insert(void *object, unsigned long pfn, unsigned long count);

/* Only 2024: take the pages out of the free lists. Pages that are not in a list are skipped. */
void stacsos_remove(void *object, unsigned long pfn, unsigned long count);

/* Returns the first pfn. If there is no block, returns STACSOS_NO_PAGE and sets *error. */
unsigned long stacsos_allocate(void *object, unsigned order, enum stacsos_error *error);

enum stacsos_error stacsos_free(void *object, unsigned long pfn, unsigned order);

/* Only 2026. */
struct stacsos_stats stacsos_get_stats(const void *object);
