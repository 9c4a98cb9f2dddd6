# $(call registered,OBJECTS,FILES): fails unless the objects have something of PAGE_ALLOCATOR() (mm/page_allocator.h).
# Without it a built-in allocator would be tested in the place of the user's.
registered = ci/user-objects check '$(strip $(2))' $(1)
