/* What an exception means: on a machine where none is expected, a failure with its registers. */
#include <arch/segments.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/failure.h>
#include <stress/traps.h>
#include <stress/watch.h>

typedef unsigned long long ull;

enum {
    FAULT_WRITE = 1 << 1,
    FAULT_FETCH = 1 << 4,
};

/* Which of a core's stacks the address is the guard page of, or NULL. */
static const char *guarded_stack(const struct cpu_stacks *stacks, uint64_t address)
{
    static const char *const names[] = {"NMI", "double fault", "machine check"};

    for (unsigned i = 0; i < IST_COUNT - 1; i++)
        if (address - (uintptr_t)stacks->ist[i].guard < sizeof(stacks->ist[i].guard))
            return names[i];
    if (address - (uintptr_t)stacks->main.guard < sizeof(stacks->main.guard))
        return "main";
    return NULL;
}

static bool begin_stack_overflow(const struct trap_frame *frame, uint64_t address)
{
    for (uint32_t i = 0; i < percpu_count; i++) {
        const char *name = guarded_stack(percpu_table[i]->stacks, address);
        if (!name)
            continue;
        failure_begin(RULE_STACK, "core %u ran over the end of core %u's %s stack at rip 0x%llx",
                      cpu_number(), i, name, (ull)frame->rip);
        return true;
    }
    return false;
}

static void begin_page_fault(const struct trap_frame *frame, uint64_t address)
{
    const char *what = frame->error & FAULT_FETCH   ? "executed"
                       : frame->error & FAULT_WRITE ? "wrote"
                                                    : "read";

    failure_begin(RULE_WILD_ACCESS, "core %u %s address 0x%llx at rip 0x%llx", cpu_number(), what,
                  (ull)address, (ull)frame->rip);
}

static void report_registers(const struct trap_frame *frame)
{
    report_line("# rip %016llx rsp %016llx rflags %08llx error %llx cr2 %016llx", (ull)frame->rip,
                (ull)frame->rsp, (ull)frame->rflags, (ull)frame->error, (ull)trap_fault_address());
    report_line("# rax %016llx rbx %016llx rcx %016llx rdx %016llx", (ull)frame->rax,
                (ull)frame->rbx, (ull)frame->rcx, (ull)frame->rdx);
    report_line("# rsi %016llx rdi %016llx rbp %016llx r8  %016llx", (ull)frame->rsi,
                (ull)frame->rdi, (ull)frame->rbp, (ull)frame->r8);
    report_line("# r9  %016llx r10 %016llx r11 %016llx r12 %016llx", (ull)frame->r9,
                (ull)frame->r10, (ull)frame->r11, (ull)frame->r12);
    report_line("# r13 %016llx r14 %016llx r15 %016llx", (ull)frame->r13, (ull)frame->r14,
                (ull)frame->r15);
}

static void begin_trap(const struct trap_frame *frame)
{
    uint64_t address = trap_fault_address();

    if (frame->vector == TRAP_PAGE_FAULT || frame->vector == TRAP_DOUBLE_FAULT)
        if (begin_stack_overflow(frame, address))
            return;
    if (frame->vector == TRAP_PAGE_FAULT)
        begin_page_fault(frame, address);
    else
        failure_begin(RULE_TRAP, "%s on core %u at rip 0x%llx, error 0x%llx",
                      trap_name(frame->vector), cpu_number(), (ull)frame->rip, (ull)frame->error);
}

/* A backtrace of this core is to begin where it was interrupted, not here. */
void traps_exception(struct trap_frame *frame)
{
    begin_trap(frame);
    this_cpu()->frozen_at = frame;
    report_registers(frame);
    failure_end();
}

void traps_nmi(struct trap_frame *frame)
{
    char text[160];

    if (failure_in_progress())
        failure_freeze(frame);
    if (watch_answer())
        return;
    this_cpu()->frozen_at = frame;
    enum rule rule = watch_diagnose(text, sizeof(text));
    failure_begin(rule, "%s", text);
    failure_end();
}
