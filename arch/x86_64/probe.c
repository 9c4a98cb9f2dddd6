#include <arch/irq.h>
#include <arch/percpu.h>
#include <arch/probe.h>
#include <stddef.h>

#define MARK ((uint64_t)0x50b3d1c7a96e2f48) /* as in probe_entry.S */

enum {
    PATTERN = 0x5a00, /* as in probe_entry.S */
    REGISTERS = 15,   /* of the frame, up to rax */
    AFTER_TRAP = 17,
    WRONG_STACK = REGISTERS + 1,
    WRONG_FLAG,
};

/* From probe_entry.S. */
extern const uint8_t probe_read_at[], probe_write_at[], probe_return[], probe_interrupted[];
uint64_t probe_registers(void);

_Static_assert(offsetof(struct trap_frame, rax) == 8 * (REGISTERS - 1), "the frame's order");

/* ---- in the handler ---- */

static bool is_at(const struct trap_frame *frame, const uint8_t *place)
{
    return frame->rip == (uintptr_t)place;
}

static bool is_execution(const struct trap_frame *frame)
{
    return frame->r11 == MARK && frame->rip == frame->rdi;
}

/* Check the frame. Returns 0, or 1 + the index of a register that differs from the value that
 * probe_registers() set, or WRONG_STACK or WRONG_FLAG. */
static uint64_t look_at(const struct trap_frame *frame)
{
    const uint64_t *registers = &frame->r15;
    uint64_t end = (uintptr_t)(frame + 1);

    for (unsigned i = 0; i < REGISTERS; i++)
        if (registers[i] != PATTERN + i)
            return 1 + i;
    if (end != core_local()->segments.tss.ist[IST_NMI - 1])
        return WRONG_STACK;
    return irq_enabled() ? WRONG_FLAG : 0;
}

bool probe_trap(struct trap_frame *frame)
{
    if (frame->vector == TRAP_NMI && is_at(frame, probe_interrupted)) {
        frame->rax = look_at(frame);
        return true;
    }
    if ((frame->vector != TRAP_PAGE_FAULT && frame->vector != TRAP_PROTECTION) ||
        !(is_at(frame, probe_read_at) || is_at(frame, probe_write_at) || is_execution(frame)))
        return false;
    frame->rax = frame->vector == TRAP_PROTECTION ? PROBE_NO_ADDRESS : frame->error + 1;
    frame->rip = (uintptr_t)probe_return;
    return true;
}

/* ---- outside ---- */

static const char *name_of(uint64_t wrong)
{
    static const char *const names[AFTER_TRAP] = {
        "r15",
        "r14",
        "r13",
        "r12",
        "r11",
        "r10",
        "r9",
        "r8",
        "rbp",
        "rdi",
        "rsi",
        "rdx",
        "rcx",
        "rbx",
        "rax",
        "the place on the NMI's stack",
        "the interrupt flag inside",
    };
    return wrong ? names[(wrong - 1) % AFTER_TRAP] : NULL;
}

const char *probe_interrupt(void)
{
    irq_flags_t flags = irq_save();
    uint64_t wrong = probe_registers();
    bool kept = !irq_enabled();

    irq_enable();
    if (!wrong)
        wrong = probe_registers();
    kept = kept && irq_enabled();
    irq_restore(flags);
    return kept || wrong ? name_of(wrong) : "the interrupt flag after it";
}

/* The descriptor's base, in four pieces (SDM 3, figure 8-4). */
static uint64_t tss_base(const uint64_t *descriptor)
{
    return (descriptor[0] >> 16 & 0xffffff) | (descriptor[0] >> 56) << 24 | descriptor[1] << 32;
}

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

bool probe_has_stack(unsigned vector)
{
    const struct core_local *local = core_local();
    struct table_pointer gdt, idt;
    uint16_t task;

    __asm__ volatile("sgdt %0; sidt %1; str %2" : "=m"(gdt), "=m"(idt), "=r"(task));
    if (gdt.base != (uintptr_t)local->segments.gdt || task != SELECTOR_TSS ||
        tss_base(local->segments.gdt + SELECTOR_TSS / 8) != (uintptr_t)&local->segments.tss)
        return false;
    unsigned stack =
        ((const uint8_t *)(uintptr_t)idt.base)[16 * vector + 4]; /* SDM 3, figure 6-8 */
    return stack != 0 && stack < IST_COUNT;
}
