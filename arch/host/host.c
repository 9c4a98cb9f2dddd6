#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/exit.h>
#include <arch/host/host.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <arch/percpu.h>
#include <arch/serial.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* ---- memory ---- */

char *host_arena_base;
pfn_t host_arena_start;
static size_t arena_size;

static char *map_or_die(void *address, size_t size, int protection)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    char *base =
        mmap(address, size, protection, flags | (address ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    if (base == MAP_FAILED) {
        perror("mmap");
        abort();
    }
    return base;
}

static void map_arena(void *address, uint64_t start, uint64_t count)
{
    if (arena_size != 0)
        munmap(host_arena_base, arena_size);
    arena_size = count << PAGE_SHIFT;
    host_arena_base = map_or_die(address, arena_size, PROT_READ | PROT_WRITE);
    host_arena_start = start;
}

void host_arena_map(uint64_t start, uint64_t count)
{
    map_arena(NULL, start, count);
}

void host_arena_map_in_place(uint64_t start, uint64_t count)
{
    map_arena((void *)(uintptr_t)(start << PAGE_SHIFT), start, count);
}

enum { GUARDED_SLOTS = 2, GUARDED_SIZE = 64 << 10 };

void *host_guarded_copy(unsigned slot, const void *bytes, size_t size)
{
    static char *slots[GUARDED_SLOTS];
    if (slot >= GUARDED_SLOTS || size > GUARDED_SIZE)
        abort();
    if (slots[slot] == NULL) {
        slots[slot] = map_or_die(NULL, GUARDED_SIZE + PAGE_SIZE, PROT_NONE);
        mprotect(slots[slot], GUARDED_SIZE, PROT_READ | PROT_WRITE);
    }
    char *copy = slots[slot] + GUARDED_SIZE - size;
    memcpy(copy, bytes, size);
    return copy;
}

/* ---- cores ---- */

_Thread_local volatile bool host_irq_on = true;
_Thread_local volatile bool host_irq_pending;
_Thread_local struct core_local *host_core_local;

void host_core_enter(uint32_t number, void *percpu)
{
    struct core_local *local = percpu;
    *local = (struct core_local){.self = local, .number = number, .apic_id = number};
    host_core_local = local;
    host_irq_on = true;
}

_Thread_local uint64_t host_relaxed;

void cpu_relax(void)
{
    __builtin_ia32_pause();
    if (++host_relaxed % 32 == 0) {
        sched_yield();
        clock_ns(); /* TSan delivers signals in intercepted calls: not in sched_yield() */
    }
}

unsigned host_wakes;

/* Interrupts must be off: otherwise a wake-up could come between the test and the sleep. */
void cpu_sleep(void)
{
    if (irq_enabled())
        abort();
    irq_enable();
    sched_yield();
    irq_disable();
}

void cpu_wake_others(void)
{
    __atomic_add_fetch(&host_wakes, 1, __ATOMIC_RELAXED);
}

void cpu_idle(void)
{
    irq_disable();
    for (;;)
        cpu_sleep();
}

/* ---- time ---- */

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t cpu_cycles(void)
{
    return clock_ns();
}

const char *clock_init(uint16_t pm_timer_port)
{
    (void)pm_timer_port;
    return "host";
}

uint64_t clock_hz(void)
{
    return 1000000000;
}

uint64_t clock_cycles_to_ns(uint64_t cycles)
{
    return cycles;
}

void clock_delay_us(uint64_t microseconds)
{
    uint64_t start = clock_ns();
    while (clock_ns() - start < microseconds * 1000)
        cpu_relax();
}

/* ---- the serial port and the end ---- */

bool serial_init(void)
{
    return true;
}

void serial_write(const char *bytes, size_t size)
{
    fwrite(bytes, 1, size, stdout);
}

void serial_flush(void)
{
    fflush(stdout);
}

/* Not exit(): other threads still run or are stopped for good. */
void exit_debug(unsigned code)
{
    fflush(stdout);
    _exit((int)code);
}

void exit_power_off(const struct acpi_power *power)
{
    (void)power;
}
