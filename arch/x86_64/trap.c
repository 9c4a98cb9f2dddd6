/* The interrupt descriptor table, and the handlers of the vectors. */
#include <arch/apic.h>
#include <arch/cpu.h>
#include <arch/probe.h>
#include <arch/segments.h>
#include <arch/serial.h>
#include <arch/trap.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/sinks.h>
#include <lib/string.h>
#include <stddef.h>

enum {
    VECTORS = 256,
    STUB_SIZE = 16,
    GATE_INTERRUPT = 0x8e, /* present, ring 0, 64-bit interrupt gate: turns interrupts off */
};

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM volume 3, figure 6-8");

extern const uint8_t trap_stubs[VECTORS][STUB_SIZE];
void trap_dispatch(struct trap_frame *frame);

static struct gate idt[VECTORS];
static void (*interrupt_handlers[VECTORS])(struct trap_frame *frame);

const char *trap_name(uint64_t vector)
{
    static const char *const names[TRAP_EXCEPTIONS] = {
        "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "#09", "#TS",
        "#NP", "#SS", "#GP", "#PF", "#15", "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
        "#22", "#23", "#24", "#25", "#26", "#27", "#HV", "#VC", "#SX", "#31",
    };
    return vector < TRAP_EXCEPTIONS ? names[vector] : "interrupt";
}

static uint8_t ist_of(unsigned vector)
{
    switch (vector) {
    case TRAP_NMI:
        return IST_NMI;
    case TRAP_DOUBLE_FAULT:
        return IST_DOUBLE_FAULT;
    case TRAP_MACHINE_CHECK:
        return IST_MACHINE_CHECK;
    default:
        return 0;
    }
}

void trap_init(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint64_t stub = (uintptr_t)trap_stubs[vector];
        idt[vector] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = SELECTOR_CODE,
            .ist = ist_of(vector),
            .type = GATE_INTERRUPT,
            .offset_middle = (uint16_t)(stub >> 16),
            .offset_high = (uint32_t)(stub >> 32),
        };
    }
}

void trap_load(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(idt) - 1, (uintptr_t)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void trap_set_interrupt(unsigned vector, void (*handler)(struct trap_frame *frame))
{
    ASSERT(vector >= TRAP_EXCEPTIONS && vector < VECTORS);
    interrupt_handlers[vector] = handler;
}

/* No program is registered: print the trap and stop. */
_Noreturn static void stop_untold(const struct trap_frame *frame)
{
    char text[SINKS_LAST_WORDS_SIZE + 80];

    serial_init();
    format_text(text, sizeof(text), "\r\n%s at rip 0x%lx, and no program yet to report it. %s\r\n",
                trap_name(frame->vector), frame->rip, sinks_last_words);
    serial_write(text, strlen(text));
    serial_flush();
    cpu_halt();
}

static void tell_program(struct trap_frame *frame)
{
    const struct sinks *sinks = sinks_get();
    void (*sink)(struct trap_frame * frame) =
        frame->vector == TRAP_NMI ? sinks->nmi : sinks->exception;

    if (sink)
        sink(frame);
    else
        stop_untold(frame);
}

/* trap_common (trap_entry.S) calls it with the frame that it pushed. */
void trap_dispatch(struct trap_frame *frame)
{
    if (probe_trap(frame))
        return;
    if (frame->vector < TRAP_EXCEPTIONS) {
        tell_program(frame);
        return;
    }
    if (interrupt_handlers[frame->vector])
        interrupt_handlers[frame->vector](frame);
    if (frame->vector != VECTOR_SPURIOUS) /* needs no end of interrupt (SDM 3, 11.9) */
        apic_end_of_interrupt();
}
