/* The arenas that are searched. */
#include "prove.h"
#include <mm/buddy_percpu.h>
#include <mm/buddy_scan.h>

/*
 * The expected number of states. A block of order k is free as a whole, held as a whole, or two
 * halves in any states but both free: T(k) = 1 + 1 + T(k-1)^2 - 1, and T(0) = 2. If lists are in
 * the order of addresses, their order adds no states: an arena of aligned blocks has the product
 * of their T. With hotplug a page can be absent, too, and two absent halves are no whole:
 * H(k) = H(k-1)^2 + 1 likewise, and H(0) = 3.
 */
enum {
    T0 = 2,
    T1 = T0 * T0 + 1,
    T2 = T1 * T1 + 1,
    T3 = T2 * T2 + 1,
    T4 = T3 * T3 + 1,
    H0 = 3,
    H1 = H0 * H0 + 1,
    H2 = H1 * H1 + 1,
    H3 = H2 * H2 + 1,
};
_Static_assert(T4 == 458330 && H3 == 10202, "the recurrences");

/*
 * First pages. AT is a multiple of 16, not of 32: 16 pages from there are one block, and no more
 * are. ODD is page 3 of these 16: its 13 pages are blocks of 1, 4 and 8 pages. TOP is the first
 * page of a pair of the largest blocks.
 */
enum { AT_PAGE = 0x1030, TOP_PAGE = 3 << (MAX_ORDER + 1) };

#define SCAN    .allocator = &buddy_scan_allocator
#define BUDDY   .allocator = &buddy_allocator, .knows_held = true
#define PERCPU  .allocator = &buddy_percpu_allocator, .knows_held = true
#define AT      .start = AT_PAGE
#define ODD     .start = AT_PAGE + 3
#define TOP     .start = TOP_PAGE
#define BASE    .base = MAX_ORDER - 2
#define HOTPLUG .hotplug = true
#define AS_SETS .as_sets = true

/*
 * If the order of a list is a part of the state, there is no such formula. Those numbers were
 * counted by this program and by tests/prove_count.py, which has its own model of the lists.
 */
const struct plan plans[] = {
    {"scan-1", SCAN, AT, .units = 1, .cores = 1, .states = T0},
    {"scan-2", SCAN, AT, .units = 2, .cores = 1, .states = T1},
    {"scan-4", SCAN, AT, .units = 4, .cores = 1, .states = T2},
    {"scan-8", SCAN, AT, .units = 8, .cores = 1, .states = T3},
    {"scan-16", SCAN, AT, .units = 16, .cores = 1, .states = T4},
    {"scan-odd", SCAN, ODD, .units = 13, .cores = 1, .states = T0 * T2 * T3},
    {"scan-top", SCAN, TOP, BASE, .units = 8, .cores = 1, .states = T2 * T2},
    {"scan-hotplug", SCAN, AT, .units = 8, .cores = 1, HOTPLUG, .states = H3},
    {"buddy-8", BUDDY, AT, .units = 8, .cores = 1, .states = 1829},
    {"buddy-12", BUDDY, AT, .units = 12, .cores = 1, .states = 229648},
    {"buddy-top", BUDDY, TOP, BASE, .units = 8, .cores = 1, .states = 1829},
    {"buddy-hotplug", BUDDY, AT, .units = 4, .cores = 1, HOTPLUG, .states = 117},
    {"buddy-sets-odd", BUDDY, ODD, .units = 13, .cores = 1, AS_SETS, .states = T0 * T2 * T3},
    {"buddy-sets-hotplug", BUDDY, AT, .units = 8, .cores = 1, HOTPLUG, AS_SETS, .states = H3},
    {"buddy-sets-16", BUDDY, AT, .units = 16, .cores = 1, AS_SETS, .states = T4, .slow = true},
    {"percpu-4", PERCPU, AT, .units = 4, .cores = 2, .states = 702},
    {"percpu-8", PERCPU, AT, .units = 8, .cores = 1, .states = 162345},
    {"percpu-hotplug", PERCPU, AT, .units = 4, .cores = 2, HOTPLUG, .states = 1277},
    {"percpu-8-2", PERCPU, AT, .units = 8, .cores = 2, .states = 1727175, .slow = true},
};
const unsigned plan_count = sizeof(plans) / sizeof(plans[0]);

unsigned plan_top(const struct plan *plan)
{
    unsigned order = plan->base;

    while (order <= MAX_ORDER && order_pages(order) <= (uint64_t)plan->units << plan->base)
        order++;
    return order;
}
