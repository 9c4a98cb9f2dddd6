#include <arch/cpu.h>
#include <arch/exit.h>
#include <arch/serial.h>
#include <lib/string.h>
#include <stress/failure.h>
#include <stress/run_end.h>

static struct {
    const char *mode;
    bool hold; /* stay for a debugger after a failure */
    const struct acpi_power *power;
} end = {.mode = "auto"};

void run_set_exit(const char *mode, const char *on_fail, const struct acpi_power *power)
{
    end.mode = mode;
    end.hold = strcmp(on_fail, "hold") == 0;
    end.power = power;
}

void run_end(enum verdict verdict)
{
    report_end(verdict);
    serial_flush();
    if (end.hold && failure_in_progress()) {
        report_line("# held: all cores stopped for a debugger");
        cpu_halt();
    }
    if (strcmp(end.mode, "power-off") == 0 && end.power)
        exit_power_off(end.power);
    if (strcmp(end.mode, "auto") == 0)
        exit_debug(verdict);
    report_line("# halted: verdict %s; it is safe to switch off", verdict_name(verdict));
    cpu_halt();
}
