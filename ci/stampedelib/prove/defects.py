"""Defects for copies of the allocators.

The search must refute each with the right title and steps.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """A defect of mm/SOURCE.c.

    edits: (old, new) pairs; the old text must be in the source exactly once.
    plan, title, steps: with the defect this plan must be refuted with this title. The shortest way
    there must have this number of steps.
    """
    name: str
    source: str
    plan: str
    title: str
    steps: int
    edits: list[tuple[str, str]]


DEFECTS = [
    Defect("never-merges-to-the-top", "buddy", "buddy-8", "uncoalesced", 2,
           [("while (order < MAX_ORDER && is_free", "while (order < 2 && is_free")]),
    Defect("stops-below-the-largest-order", "buddy", "buddy-top", "uncoalesced", 2,
           [("while (order < MAX_ORDER && is_free", "while (order < MAX_ORDER - 1 && is_free")]),
    Defect("merges-beyond-the-largest-order", "buddy", "buddy-top", "free-list", 0,
           [("while (order < MAX_ORDER && is_free", "while (order <= MAX_ORDER && is_free")]),
    Defect("forgets-a-half", "buddy", "buddy-8", "lost", 1,
           [("        list_push(pool, buddy_of(pfn, current), current);",
             "        if (current != 1)\n            list_push(pool, buddy_of(pfn, current), current);\n"
             "        else\n            add_free_pages(pool, -order_pages(1));")]),
    Defect("forgets-to-link-back", "buddy", "buddy-8", "free-list", 5,
           [("        page_at(pool, page->next)->prev = page->prev;", "        (void)0;")]),
    Defect("forgets-to-link-back", "buddy", "buddy-sets-16", "free-list", 5,
           [("        page_at(pool, page->next)->prev = page->prev;", "        (void)0;")]),
    Defect("gives-the-lower-half-again", "buddy", "buddy-8", "overlap", 2,
           [("    return pfn;\n}\n\npfn_t buddy_allocate_locked",
             "    return order == 0 ? pfn & ~(pfn_t)1 : pfn;\n}\n\npfn_t buddy_allocate_locked")]),
    Defect("splits-for-ever", "buddy", "buddy-8", "stall", 1,
           [("        current--;\n", "        (void)0;\n")]),
    Defect("misses-the-largest-order", "buddy", "buddy-top", "false-oom", 1,
           [("from = order; from <= MAX_ORDER; from++", "from = order; from < MAX_ORDER; from++")]),
    Defect("frees-what-was-asked", "buddy", "buddy-8", "bad-free", 2,
           [("    if (error == PAGE_OK)\n        buddy_release_locked",
             "    if (error == PAGE_OK || error == PAGE_WRONG_ORDER)\n        buddy_release_locked")]),
    Defect("keeps-the-lock-on-refusal", "buddy", "buddy-8", "lock-owner", 1,
           [("    error = buddy_free_locked(pool, pfn, order);",
             "    error = buddy_free_locked(pool, pfn, order);\n    if (error != PAGE_OK)\n        return error;")]),
    Defect("leaves-interrupts-off", "buddy", "buddy-8", "irq-state", 1,
           [("    pfn_t pfn = buddy_allocate_locked(pool, order, PAGE_HELD_HEAD);\n",
             "    pfn_t pfn = buddy_allocate_locked(pool, order, PAGE_HELD_HEAD);\n    flags = 0;\n")]),
    Defect("removes-what-is-behind", "buddy", "buddy-hotplug", "lost", 1,
           [("        release_range(pool, stop, block_end);",
             "        add_free_pages(pool, 0);")]),
    Defect("inserts-what-is-in", "buddy", "buddy-hotplug", "insert-refused", 1,
           [("            return PAGE_ALREADY_IN;", "            break;")]),
    Defect("takes-held-for-free", "buddy", "buddy-hotplug", "trap", 2,
           [("            return PAGE_BUSY;", "            return PAGE_OK;")]),
    Defect("removes-what-is-held", "buddy", "buddy-hotplug", "remove-held", 2,
           [("            return PAGE_BUSY;", "            return PAGE_OK;"),
            ("&head);\n        pfn_t block_end", "&head);\n        if (!page)\n            break;\n        pfn_t block_end")]),
    Defect("keeps-the-upper-half", "buddy_scan", "scan-8", "free-list", 4,
           [("buddy < pfn ? buddy : pfn, order + 1", "pfn, order + 1")]),
    Defect("inserts-at-the-head", "buddy_scan", "scan-16", "free-list", 6,
           [("        list_insert(pool, link, pfn, order);",
             "        list_insert(pool, &pool->free_list[order], pfn, order);")]),
    Defect("takes-the-largest", "buddy_scan", "scan-8", "smallest-fit", 2,
           [("    for (unsigned from = order; from <= MAX_ORDER; from++)",
             "    for (unsigned from = MAX_ORDER; from + 1 > order; from--)")]),
    Defect("writes-to-its-neighbour", "buddy_scan", "scan-8", "content", 3,
           [("    release_block(pool, pfn, order);\n    add_free",
             "    release_block(pool, pfn, order);\n    *link_in(pfn ^ 1) = 0;\n    add_free")]),
    Defect("looks-for-one-order-only", "buddy_scan", "scan-8", "bad-free", 1,
           [("other = 0; other <= MAX_ORDER; other++", "other = order; other == order; other++")]),
    Defect("merges-never-and-says-so", "buddy_scan", "scan-4", "residue", 2,
           [("order == MAX_ORDER;\n    pfn_t buddy", "true;\n    pfn_t buddy"),
            ("PROMISE_COALESCES | PROMISE_TRUE_OOM |", "0 |")]),
    Defect("drains-all-but-one", "buddy_percpu", "percpu-4", "lost", 1,
           [("i < pool->cache_count; i++)\n        for", "i + 1 < pool->cache_count; i++)\n        for")]),
    Defect("gives-up-before-it-drains", "buddy_percpu", "percpu-4", "false-oom", 3,
           [("    drain_all(pool);\n    pfn_t pfn", "    pfn_t pfn")]),
    Defect("caches-what-it-says-is-held", "buddy_percpu", "percpu-4", "free-list", 1,
           [("order, PAGE_CACHED);", "order, PAGE_HELD_HEAD);")]),
    Defect("caches-beyond-its-mark", "buddy_percpu", "percpu-8", "free-list", 2,
           [("if (cache->count[order] > blocks_in(CACHE_PAGES, order))",
             "if (cache->count[order] > blocks_in(CACHE_PAGES, order) + 1)")]),
    Defect("removes-without-draining", "buddy_percpu", "percpu-hotplug", "remove-refused", 2,
           [("    drain_all(pool);\n    enum page_error", "    enum page_error")]),
    Defect("waits-for-itself", "buddy_percpu", "percpu-4", "lock-owner", 0,
           [("    spinlock_irq_unlock(&pool->buddy.lock, irq_flags());\n    while", "    while")]),
]
