# $(call registered,OBJECTS,FILES): fails unless the objects have something of PAGE_ALLOCATOR() (mm/page_allocator.h).
# Without it the image would be tested as it is without them: a built-in one, in the place of the user's.
registered = readelf -SW $(1) | grep -q '[] ]page_allocators ' || \
    { echo '$(strip $(2)): no allocator is registered: PAGE_ALLOCATOR(...) is missing (docs/ALLOCATORS.md)' >&2; exit 1; }
