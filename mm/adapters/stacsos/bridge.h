/*
 * Between C and C++: the student's class as seen from the adapter. One generation of the interface
 * is linked in (bridge_2024.cpp, ...). Only built-in types, for the C++ side has no standard
 * headers: its names and those of StACSOS's global.h would clash.
 */
#pragma once

enum {
    STACSOS_OBJECT_SIZE = 65536, /* room for the student's class */
    STACSOS_LAST_ORDER = 16,     /* what the assignment says; the class's own is private */
};

#define STACSOS_NO_PAGE (~0ul)

/* The generation of 2026's page_allocator_error, by number. The older ones have but the first two.
 */
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

/* Make the allocator in `object`, which is zeroed, as StACSOS's own is. */
void stacsos_construct(void *object);

void stacsos_insert(void *object, unsigned long pfn, unsigned long count);

/* 2024 alone: take the pages out of the free lists; those that are not in there are skipped. */
void stacsos_remove(void *object, unsigned long pfn, unsigned long count);

/* Returns the first page, or STACSOS_NO_PAGE and says why. */
unsigned long stacsos_allocate(void *object, unsigned order, enum stacsos_error *error);

enum stacsos_error stacsos_free(void *object, unsigned long pfn, unsigned order);

/* 2026 alone. */
struct stacsos_stats stacsos_get_stats(const void *object);
