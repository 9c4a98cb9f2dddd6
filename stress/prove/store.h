/*
 * The states found so far: different rows of equal length. Each has its parent row, and the step by
 * which it was first reached. Rows are compared byte for byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store {
    size_t row_size; /* a multiple of 8 */
    uint8_t *rows;
    uint32_t *parents, *steps;
    uint32_t *slots; /* 1 + row number, or 0; there are slot_mask + 1, a power of two */
    uint64_t slot_mask;
    uint32_t count, room;
};

void store_init(struct store *store, size_t row_size);

/* Add a row, unless it is there. Returns whether it is new: then its number is count - 1. */
bool store_add(struct store *store, const uint8_t *row, uint32_t parent, uint32_t step);

static inline const uint8_t *store_row(const struct store *store, uint32_t number)
{
    return store->rows + (size_t)number * store->row_size;
}

/* Memory in use, in bytes. */
uint64_t store_bytes(const struct store *store);
