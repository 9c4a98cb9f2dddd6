/*
 * Stand-in for StACSOS's kernel/mem/memory-manager.h. A page allocator only keeps a reference to
 * it.
 */
#pragma once

namespace stacsos::kernel::mem
{
class memory_manager
{
};
} // namespace stacsos::kernel::mem
