/* Leaving the machine. */
#include <arch/clock.h>
#include <arch/exit.h>
#include <arch/msr.h>
#include <arch/setup.h>

enum {
    DEBUG_EXIT_PORT = 0xf4,
    DEBUG_EXIT_BASE = 0x20,
    SLEEP_ENABLE = 1 << 13, /* ACPI 6.4, table 4.19 */
    SLEEP_TYPE_SHIFT = 10,
    POWER_OFF_US = 3000000, /* how long a machine may take to switch off */
};

void exit_debug(unsigned code)
{
    if (cpu_is_virtual())
        port_write8(DEBUG_EXIT_PORT, (uint8_t)(DEBUG_EXIT_BASE + code));
}

void exit_power_off(const struct acpi_power *power)
{
    if (!power->can_power_off)
        return;
    if (power->pm1a_control)
        port_write16(power->pm1a_control,
                     (uint16_t)(power->s5_a << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
    if (power->pm1b_control)
        port_write16(power->pm1b_control,
                     (uint16_t)(power->s5_b << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
    clock_delay_us(POWER_OFF_US);
}
