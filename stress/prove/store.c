#include "store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1 << 12 };

static void *grown(void *memory, size_t count, size_t size)
{
    void *result = reallocarray(memory, count, size);

    if (!result) {
        perror("prove: memory for states");
        exit(2);
    }
    return result;
}

/* A hash of the row: where find_slot() begins. Rows are always compared. */
static uint64_t spread(const uint8_t *row, size_t size)
{
    uint64_t hash = 0, word;

    for (size_t at = 0; at < size; at += sizeof(word)) {
        memcpy(&word, row + at, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

static uint64_t find_slot(const struct store *store, const uint8_t *row)
{
    uint64_t slot = spread(row, store->row_size) & store->slot_mask;

    while (store->slots[slot] &&
           memcmp(store_row(store, store->slots[slot] - 1), row, store->row_size) != 0)
        slot = (slot + 1) & store->slot_mask;
    return slot;
}

/* Double the room for rows, with four slots per row. */
static void make_room(struct store *store)
{
    store->room = store->room ? store->room * 2 : FIRST_ROOM;
    store->rows = grown(store->rows, store->room, store->row_size);
    store->parents = grown(store->parents, store->room, sizeof(*store->parents));
    store->steps = grown(store->steps, store->room, sizeof(*store->steps));
    free(store->slots);
    store->slot_mask = (uint64_t)store->room * 4 - 1;
    store->slots = grown(NULL, store->slot_mask + 1, sizeof(*store->slots));
    memset(store->slots, 0, (store->slot_mask + 1) * sizeof(*store->slots));
    for (uint32_t number = 0; number < store->count; number++)
        store->slots[find_slot(store, store_row(store, number))] = number + 1;
}

void store_init(struct store *store, size_t row_size)
{
    *store = (struct store){.row_size = row_size};
    make_room(store);
}

bool store_add(struct store *store, const uint8_t *row, uint32_t parent, uint32_t step)
{
    uint64_t slot = find_slot(store, row);

    if (store->slots[slot])
        return false;
    if (store->count == store->room) {
        make_room(store);
        slot = find_slot(store, row);
    }
    memcpy(store->rows + (size_t)store->count * store->row_size, row, store->row_size);
    store->parents[store->count] = parent;
    store->steps[store->count] = step;
    store->slots[slot] = ++store->count;
    return true;
}

uint64_t store_bytes(const struct store *store)
{
    return store->room * (store->row_size + 2 * sizeof(uint32_t)) +
           (store->slot_mask + 1) * sizeof(*store->slots);
}
