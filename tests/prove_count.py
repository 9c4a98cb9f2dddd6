"""The number of states of the buddy's lists, counted by a model: a second way to the numbers in plans.c.

The model follows mm/buddy.h and mm/buddy_percpu.h, not the C sources. Lists are tuples, last freed first.
"""

import collections

TOP = 10  # MAX_ORDER in the search
CACHED_ORDERS, CACHE_PAGES, CACHE_BATCH = 4, 4, 2  # as in stress/prove/include/mm/cache_sizes.h

# lists[order] and caches[core][order] are tuples of blocks, held is a set of (block, order), inserted a set of pages.
State = collections.namedtuple("State", "lists caches held inserted")


def changed(lists, order, blocks):
    return lists[:order] + (tuple(blocks),) + lists[order + 1:]


def release(lists, block, order):
    while order < TOP and block ^ 1 << order in lists[order]:
        buddy = block ^ 1 << order
        lists = changed(lists, order, [other for other in lists[order] if other != buddy])
        block, order = min(block, buddy), order + 1
    return changed(lists, order, (block, *lists[order]))


def release_range(lists, start, end):
    while start < end:
        order = 0
        while order < TOP and start % (2 << order) == 0 and end - start >= 2 << order:
            order += 1
        lists = release(lists, start, order)
        start += 1 << order
    return lists


def take(lists, order):
    """The new lists and the block taken from them, or None as the block."""
    for larger in range(order, TOP + 1):
        if lists[larger]:
            block = lists[larger][0]
            lists = changed(lists, larger, lists[larger][1:])
            for half in range(larger - 1, order - 1, -1):
                lists = changed(lists, half, (block ^ 1 << half, *lists[half]))
            return lists, block
    return lists, None


def drained(state):
    lists = state.lists
    for cache in state.caches:
        for order, blocks in enumerate(cache):
            for block in blocks:
                lists = release(lists, block, order)
    return state._replace(lists=lists, caches=tuple(((),) * CACHED_ORDERS for _ in state.caches))


def with_cache(state, core, order, blocks):
    cache = changed(state.caches[core], order, blocks)
    return state._replace(caches=state.caches[:core] + (cache,) + state.caches[core + 1:])


def take_cached(state, core, order):
    blocks = state.caches[core][order]
    if blocks:
        return with_cache(state, core, order, blocks[1:]), blocks[0]
    lists, first = take(state.lists, order)
    for _ in range(1, CACHE_BATCH >> order):
        lists, more = take(lists, order) if first is not None else (lists, None)
        if more is not None:
            blocks = (more, *blocks)
    return with_cache(state, core, order, blocks)._replace(lists=lists), first


def allocate(state, core, order):
    block = None
    if state.caches and order < CACHED_ORDERS:
        state, block = take_cached(state, core, order)
    else:
        lists, block = take(state.lists, order)
        state = state._replace(lists=lists)
    if block is None and state.caches:
        state = drained(state)
        lists, block = take(state.lists, order)
        state = state._replace(lists=lists)
    return state if block is None else state._replace(held=state.held | {(block, order)})


def free(state, core, block, order):
    state = state._replace(held=state.held - {(block, order)})
    if not state.caches or order >= CACHED_ORDERS:
        return state._replace(lists=release(state.lists, block, order))
    blocks, lists = (block, *state.caches[core][order]), state.lists
    if len(blocks) > CACHE_PAGES >> order:
        while len(blocks) > CACHE_PAGES - CACHE_BATCH >> order:
            lists, blocks = release(lists, blocks[0], order), blocks[1:]
    return with_cache(state, core, order, blocks)._replace(lists=lists)


def held_pages(state):
    return {page for block, order in state.held for page in range(block, block + (1 << order))}


def remove(state, start, count):
    """Take each free block that overlaps the range off the lists, and put the pages beside the range back."""
    end, state = start + count, drained(state)
    if not set(range(start, end)) <= state.inserted - held_pages(state):
        return state
    lists, page = state.lists, start
    while page < end:
        order = next(k for k in range(TOP + 1) if page >> k << k in lists[k])
        head = page >> order << order
        lists = changed(lists, order, [other for other in lists[order] if other != head])
        page = head + (1 << order)
        lists = release_range(lists, head, max(head, start))
        lists = release_range(lists, min(page, end), page)
    return state._replace(lists=lists, inserted=state.inserted - set(range(start, end)))


def insert(state, start, count):
    pages = set(range(start, start + count))
    if pages & state.inserted:
        return state
    return state._replace(lists=release_range(state.lists, start, start + count), inserted=state.inserted | pages)


def successors(state, pages, cores, hotplug):
    for core in range(cores):
        for order in range(pages.bit_length()):
            yield allocate(state, core, order)
        for block, order in state.held:
            yield free(state, core, block, order)
    for start in range(pages if hotplug else 0):
        for count in range(1, pages - start + 1):
            yield remove(state, start, count)
            yield insert(state, start, count)


def states(pages, cores=1, caches=False, hotplug=False):
    """The number of states that pages [0, pages) can reach when all start free. Page 0 is aligned to any order."""
    first = State(release_range(((),) * (TOP + 1), 0, pages), tuple(((),) * CACHED_ORDERS for _ in range(cores if caches else 0)),
                  frozenset(), frozenset(range(pages)))
    seen, queue = {first}, collections.deque([first])
    while queue:
        for state in successors(queue.popleft(), pages, cores, hotplug):
            if state not in seen:
                seen.add(state)
                queue.append(state)
    return len(seen)
