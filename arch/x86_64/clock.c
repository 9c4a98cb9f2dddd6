/* Measures the rate of the time stamp counter. */
#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/msr.h>
#include <stdbool.h>

enum {
    PM_TIMER_HZ = 3579545, /* ACPI 6.4, 4.8.3.3 */
    PM_TIMER_MASK = 0xffffff,
    PIT_HZ = 1193182,
    PIT_CHANNEL_2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,
    NOBODY = 0xff,    /* what a port reads if no device answers */
    MEASURE_HZ = 100, /* measure for 1/100 s */
    WAIT_TURNS = 10000000,
};

static uint64_t cycles_per_second = 1000000000;

static bool measure_by_pm_timer(uint16_t port)
{
    const uint32_t wanted = PM_TIMER_HZ / MEASURE_HZ;
    uint32_t start = port_read32(port);
    uint64_t cycles = cpu_cycles();

    for (unsigned turn = 0; turn < WAIT_TURNS; turn++) {
        uint32_t elapsed = (port_read32(port) - start) & PM_TIMER_MASK;
        if (elapsed >= wanted) {
            cycles_per_second = (cpu_cycles() - cycles) * PM_TIMER_HZ / elapsed;
            return true;
        }
        cpu_relax();
    }
    return false;
}

/* Channel 2 counts down once. Port 0x61 is its gate, and bit 5 there shows the end (Intel 8254 data
 * sheet). */
static bool measure_by_pit(void)
{
    const uint16_t count = PIT_HZ / MEASURE_HZ;

    if (port_read8(PIT_GATE) == NOBODY)
        return false;
    port_write8(PIT_GATE, (port_read8(PIT_GATE) & 0xfc) | 1);
    port_write8(PIT_COMMAND, 0xb0); /* channel 2, low then high byte, mode 0 */
    port_write8(PIT_CHANNEL_2, count & 0xff);
    port_write8(PIT_CHANNEL_2, count >> 8);
    uint64_t cycles = cpu_cycles();
    for (unsigned turn = 0; turn < WAIT_TURNS; turn++) {
        if (port_read8(PIT_GATE) & 0x20) {
            cycles_per_second = (cpu_cycles() - cycles) * MEASURE_HZ;
            return true;
        }
        cpu_relax();
    }
    return false;
}

const char *clock_init(uint16_t pm_timer_port)
{
    const char *source = "none";

    if (pm_timer_port && measure_by_pm_timer(pm_timer_port))
        source = "acpi-pm";
    else if (measure_by_pit())
        source = "pit";
    if (!cycles_per_second)
        cycles_per_second = 1;
    return source;
}

uint64_t clock_hz(void)
{
    return cycles_per_second;
}

uint64_t clock_cycles_to_ns(uint64_t cycles)
{
    const uint64_t second = 1000000000;
    return cycles / cycles_per_second * second +
           cycles % cycles_per_second * second / cycles_per_second;
}

uint64_t clock_ns(void)
{
    return clock_cycles_to_ns(cpu_cycles());
}

void clock_delay_us(uint64_t microseconds)
{
    uint64_t start = cpu_cycles();
    uint64_t wanted = microseconds * (cycles_per_second / 1000000 + 1);

    while (cpu_cycles() - start < wanted)
        cpu_relax();
}
