/* Stand-in for StACSOS's kernel/mem/memory-manager.h: a page allocator is given one and keeps it.
 */
#pragma once

namespace stacsos::kernel::mem
{
class memory_manager
{
};
} // namespace stacsos::kernel::mem
