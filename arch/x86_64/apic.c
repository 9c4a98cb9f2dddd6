/* The local APIC in both of its modes. */
#include <arch/apic.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/msr.h>
#include <arch/trap.h>
#include <stddef.h>

/* Register numbers: the xAPIC's offset / 16, the x2APIC's MSR - 0x800 (SDM 3, table 11-6). */
enum {
    REGISTER_ID = 0x02,
    REGISTER_TASK_PRIORITY = 0x08,
    REGISTER_END_OF_INTERRUPT = 0x0b,
    REGISTER_SPURIOUS = 0x0f,
    REGISTER_COMMAND = 0x30,
    REGISTER_COMMAND_HIGH = 0x31,
    REGISTER_TIMER = 0x32,
    REGISTER_LINT0 = 0x35,
    REGISTER_LINT1 = 0x36,
    REGISTER_ERROR = 0x37,
    REGISTER_TIMER_INITIAL = 0x38,
    REGISTER_TIMER_CURRENT = 0x39,
    REGISTER_TIMER_DIVIDE = 0x3e,
    MSR_X2APIC = 0x800,
};

enum {
    BASE_X2APIC = 1 << 10,
    BASE_ENABLE = 1 << 11,
    SPURIOUS_ENABLE = 1 << 8,
    LOCAL_MASKED = 1 << 16,
    LOCAL_NMI = 4 << 8,
    TIMER_PERIODIC = 1 << 17,
    TIMER_DIVIDE_BY_16 = 0x3,
    COMMAND_FIXED = 0 << 8,
    COMMAND_NMI = 4 << 8,
    COMMAND_INIT = 5 << 8,
    COMMAND_STARTUP = 6 << 8,
    COMMAND_PENDING = 1 << 12,
    COMMAND_ASSERT = 1 << 14,
    COMMAND_ALL_BUT_SELF = 3 << 18,
    COMMAND_WAIT_TURNS = 1000000,
};

static volatile uint32_t *registers; /* NULL in x2APIC mode */

static uint32_t apic_read(unsigned number)
{
    return registers ? registers[number * 4] : (uint32_t)msr_read(MSR_X2APIC + number);
}

static void apic_write(unsigned number, uint32_t value)
{
    if (registers)
        registers[number * 4] = value;
    else
        msr_write(MSR_X2APIC + number, value);
}

bool apic_has_x2apic(void)
{
    return cpuid(1, 0).ecx >> 21 & 1;
}

const char *apic_init(uint64_t address)
{
    registers = apic_has_x2apic() ? NULL : (volatile uint32_t *)(uintptr_t)address;
    return registers ? "xapic" : "x2apic";
}

void apic_init_core(void)
{
    uint64_t base = msr_read(MSR_APIC_BASE) | BASE_ENABLE;

    /* x2APIC can only be enabled from enabled xAPIC (SDM 3, figure 11-27). */
    msr_write(MSR_APIC_BASE, base);
    if (!registers)
        msr_write(MSR_APIC_BASE, base | BASE_X2APIC);
    apic_write(REGISTER_TASK_PRIORITY, 0);
    apic_write(REGISTER_TIMER, LOCAL_MASKED);
    apic_write(REGISTER_LINT0, LOCAL_MASKED);
    apic_write(REGISTER_LINT1,
               LOCAL_NMI); /* where a machine's NMI button arrives (ACPI 6.4, 5.2.12.7) */
    apic_write(REGISTER_ERROR, LOCAL_MASKED);
    apic_write(REGISTER_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
}

uint32_t apic_id(void)
{
    uint32_t id = apic_read(REGISTER_ID);
    return registers ? id >> 24 : id;
}

/* x2APIC has no pending bit: a command is one register write (SDM 3, 11.12.9). */
static bool wait_until_sent(void)
{
    for (unsigned turn = 0; turn < COMMAND_WAIT_TURNS; turn++) {
        if (!registers || !(apic_read(REGISTER_COMMAND) & COMMAND_PENDING))
            return true;
        cpu_relax();
    }
    return false;
}

/* Interrupts are off, since a handler between the two writes might send a command, too. */
static bool send(uint32_t target, uint32_t command)
{
    if (!registers) {
        msr_write(MSR_X2APIC + REGISTER_COMMAND, (uint64_t)target << 32 | command);
        return true;
    }
    irq_flags_t flags = irq_save();
    bool sent = wait_until_sent();
    apic_write(REGISTER_COMMAND_HIGH, target << 24);
    apic_write(REGISTER_COMMAND, command);
    sent = sent && wait_until_sent();
    irq_restore(flags);
    return sent;
}

bool apic_send_init(uint32_t target)
{
    return send(target, COMMAND_INIT | COMMAND_ASSERT);
}

bool apic_send_startup(uint32_t target, uint8_t page)
{
    return send(target, COMMAND_STARTUP | COMMAND_ASSERT | page);
}

bool apic_send_interrupt(uint32_t target, uint8_t vector)
{
    return send(target, COMMAND_FIXED | COMMAND_ASSERT | vector);
}

bool apic_broadcast_interrupt(uint8_t vector)
{
    return send(0, COMMAND_FIXED | COMMAND_ASSERT | COMMAND_ALL_BUT_SELF | vector);
}

void apic_end_of_interrupt(void)
{
    apic_write(REGISTER_END_OF_INTERRUPT, 0);
}

static void set_timer(uint32_t count, uint32_t entry)
{
    apic_write(REGISTER_TIMER_DIVIDE, TIMER_DIVIDE_BY_16);
    apic_write(REGISTER_TIMER, entry);
    apic_write(REGISTER_TIMER_INITIAL, count);
}

void apic_timer_set(uint32_t count, uint8_t vector)
{
    set_timer(count, vector ? TIMER_PERIODIC | vector : LOCAL_MASKED);
}

void apic_timer_once(uint32_t count, uint8_t vector)
{
    set_timer(count, vector);
}

uint32_t apic_timer_read(void)
{
    return apic_read(REGISTER_TIMER_CURRENT);
}

void cpu_wake_others(void)
{
    apic_broadcast_interrupt(VECTOR_WAKE);
}

void cpu_send_nmi(uint32_t apic_id)
{
    send(apic_id, COMMAND_NMI | COMMAND_ASSERT);
}
