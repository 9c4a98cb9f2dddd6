#include <arch/backtrace.h>
#include <stdbool.h>

/* A function's prologue puts this at its frame pointer. */
struct stack_frame {
    uint64_t caller_rbp;
    uint64_t return_address;
};

static bool within(uint64_t address, const uint8_t *bytes, size_t size)
{
    return address - (uintptr_t)bytes <= size - sizeof(struct stack_frame);
}

/* The stacks only: guard pages lie between them and must not be read. */
static bool is_readable(const struct core_stacks *stacks, uint64_t rbp)
{
    bool inside = within(rbp, stacks->main.bytes, sizeof(stacks->main.bytes));

    for (unsigned i = 0; i < IST_COUNT - 1; i++)
        inside = inside || within(rbp, stacks->ist[i].bytes, sizeof(stacks->ist[i].bytes));
    return inside && rbp % sizeof(uint64_t) == 0;
}

size_t backtrace(const struct trap_frame *frame, const struct core_stacks *stacks,
                 uint64_t *addresses, size_t most)
{
    uint64_t rbp = frame ? frame->rbp : (uintptr_t)__builtin_frame_address(0);
    uint64_t last = 0;
    size_t count = 0;

    if (frame && most)
        addresses[count++] = frame->rip;
    while (count < most && rbp > last && is_readable(stacks, rbp)) {
        const struct stack_frame *here = (const struct stack_frame *)(uintptr_t)rbp;
        if (!here->return_address)
            break;
        addresses[count++] = here->return_address;
        last = rbp;
        rbp = here->caller_rbp;
    }
    return count;
}
