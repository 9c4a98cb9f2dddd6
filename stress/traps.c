/*
 * Exceptions and NMIs. No exception is expected, so each one is a failure, reported with its
 * registers.
 */
#include <arch/segments.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/failure.h>
#include <stress/traps.h>
#include <stress/watchdog.h>

enum {
    FAULT_WRITE = 1 << 1,
    FAULT_FETCH = 1 << 4,
};

/* The name of the core's stack whose guard page has the address, or NULL. */
static const char *guarded_stack(const struct core_stacks *stacks, uint64_t address)
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
        failure_begin(RULE_STACK, "core %u ran over the end of core %u's %s stack at rip 0x%lx",
                      cpu_number(), i, name, frame->rip);
        return true;
    }
    return false;
}

static void begin_page_fault(const struct trap_frame *frame, uint64_t address)
{
    const char *what = frame->error & FAULT_FETCH   ? "executed"
                       : frame->error & FAULT_WRITE ? "wrote"
                                                    : "read";

    failure_begin(RULE_WILD_ACCESS, "core %u %s address 0x%lx at rip 0x%lx", cpu_number(), what,
                  address, frame->rip);
}

static void report_registers(const struct trap_frame *frame)
{
    report_line("# rip %016lx rsp %016lx rflags %08lx error %lx cr2 %016lx", frame->rip, frame->rsp,
                frame->rflags, frame->error, trap_fault_address());
    report_line("# rax %016lx rbx %016lx rcx %016lx rdx %016lx", frame->rax, frame->rbx, frame->rcx,
                frame->rdx);
    report_line("# rsi %016lx rdi %016lx rbp %016lx r8  %016lx", frame->rsi, frame->rdi, frame->rbp,
                frame->r8);
    report_line("# r9  %016lx r10 %016lx r11 %016lx r12 %016lx", frame->r9, frame->r10, frame->r11,
                frame->r12);
    report_line("# r13 %016lx r14 %016lx r15 %016lx", frame->r13, frame->r14, frame->r15);
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
        failure_begin(RULE_TRAP, "%s on core %u at rip 0x%lx, error 0x%lx",
                      trap_name(frame->vector), cpu_number(), frame->rip, frame->error);
}

/* Sets frozen_at, so that this core's backtrace begins where it was interrupted, not here. */
void traps_exception(struct trap_frame *frame)
{
    begin_trap(frame);
    this_core()->frozen_at = frame;
    report_registers(frame);
    failure_end();
}

void traps_nmi(struct trap_frame *frame)
{
    char text[160];

    if (failure_in_progress())
        failure_freeze(frame);
    if (watchdog_answer())
        return;
    this_core()->frozen_at = frame;
    enum rule rule = watchdog_diagnose(text, sizeof(text));
    failure_begin(rule, "%s", text);
    failure_end();
}
