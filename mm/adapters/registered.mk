# $(call registered,OBJECTS,FILES): fails unless the objects register an allocator by
# PAGE_ALLOCATOR() (mm/page_allocator.h). Without this check a built-in allocator would be tested
# instead of the user's.
registered = ci/user-objects check '$(strip $(2))' $(1)
