#include <arch/fiber.h>
#include <lib/string.h>
#include <stdint.h>

/* fiber_switch() pops this. `caller` is 0: it ends backtraces, and aligns the stack as after a
 * call.
 */
struct first_frame {
    uint64_t r15, r14, r13, r12, rbx, rbp;
    void (*entry)(void);
    uint64_t caller;
};

void fiber_init(struct fiber *fiber, void *stack, size_t size, void (*entry)(void))
{
    uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
    struct first_frame *frame = (struct first_frame *)(top - sizeof(*frame));

    memset(frame, 0, sizeof(*frame));
    frame->entry = entry;
    fiber->stack_pointer = frame;
}
