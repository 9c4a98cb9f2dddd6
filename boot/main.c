/* The steps of a run, from the boot loader to the program (boot/program.h). */
#include <arch/acpi.h>
#include <arch/apic.h>
#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/paging.h>
#include <arch/serial.h>
#include <arch/setup.h>
#include <arch/timer.h>
#include <arch/trap.h>
#include <boot/bootinfo.h>
#include <boot/memory.h>
#include <boot/program.h>
#include <boot/selfcheck.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <smp/bringup.h>
#include <smp/percpu.h>
#include <stress/options.h>
#include <stress/provoke.h>
#include <stress/report.h>
#include <stress/run_end.h>
#include <stress/sinks.h>

enum {
    MESSAGE_SIZE = 200,
    BRINGUP_WAIT_MS = 10000, /* a host that runs 255 virtual CPUs on 2 cores is slow */
};

void kernel_main(uint32_t magic, uint32_t address);

/* The BSP's stacks. entry.S uses the main one from its first instruction (linker.ld:
 * boot_stack_top). */
static struct core_stacks boot_stacks __attribute__((section(".bss.boot_stacks")));
static struct percpu boot_core;
static struct bootinfo bootinfo;
static struct acpi_cores cores;
static struct acpi_power power;
static char message[MESSAGE_SIZE];

static void start_cpu(void)
{
    trap_init();
    smp_init_bsp(&boot_core, &boot_stacks);
}

static void read_bootinfo(uint32_t magic, uint32_t address)
{
    const void *data = (const void *)(uintptr_t)address;
    bool read = false;

    if (magic == MULTIBOOT2_MAGIC)
        read = bootinfo_from_multiboot2(&bootinfo, data, MEMORY_BOOT_MAPPED - address, message,
                                        sizeof(message));
    else if (magic == PVH_MAGIC)
        read = bootinfo_from_pvh(&bootinfo, data, MEMORY_BOOT_MAPPED - address, memory_boot_pointer,
                                 message, sizeof(message));
    else
        fail(RULE_BOOT, "the loader left 0x%x in EAX; multiboot2 leaves 0x%x", magic,
             MULTIBOOT2_MAGIC);
    if (!read)
        fail(RULE_BOOT, "%s", message);
}

static void read_options(void)
{
    struct options *options = program_options;

    options_default(program_option_table, options);
    bool good = options_parse(program_option_table, options, bootinfo.command_line, message,
                              sizeof(message));
    report_program(options->nonce, bootinfo.protocol);
    if (!good)
        fail(RULE_USAGE, "%s", message);
    options_choose_seed(options);
    run_set_exit(options->exit, options->on_fail, &power);
}

/* Construct the global objects of allocators written in C++. (Itanium C++ ABI, 3.3.5; linker.ld) */
static void run_constructors(void)
{
    extern void (*const __init_array_start[])(void);
    extern void (*const __init_array_end[])(void);

    for (void (*const *next)(void) = __init_array_start; next < __init_array_end; next++)
        (*next)();
}

_Noreturn static void refuse_name(void)
{
    for (const struct page_allocator *const *entry = __start_page_allocators;
         entry < __stop_page_allocators; entry++)
        report_line("# allocator=%s", (*entry)->name);
    fail(RULE_USAGE, "option allocator: no allocator \"%s\" in this image",
         program_options->allocator);
}

/* The allocator that option allocator= names, or the first one that is registered. */
static const struct page_allocator *choose_allocator(void)
{
    const char *name = program_options->allocator;
    const struct page_allocator *allocator =
        name[0] ? page_allocator_find(name) : __start_page_allocators[0];

    if (!allocator)
        refuse_name();
    else if (!page_allocator_check(allocator, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
    return allocator;
}

static void report_allocator(const struct page_allocator *allocator)
{
    char promises[120] = "";
    size_t used = 0;

    for (unsigned bit = 0; page_promise_name(1u << bit); bit++)
        if (allocator->promises & 1u << bit)
            used += (size_t)format_text(promises + used, sizeof(promises) - used, "%s%s",
                                        used ? "," : "", page_promise_name(1u << bit));
    report_line("# allocator=%s promises=%s", allocator->name, promises);
}

/* Report the options, several to a line of about 100 characters. */
static void report_options(void)
{
    char line[200], option[160];
    int used = 0;

    for (size_t i = 0;
         options_print(program_option_table, program_options, i, option, sizeof(option)); i++) {
        if (used && used + strlen(option) + 2 > 100) {
            report_line("# options%s", line);
            used = 0;
        }
        used += format_text(line + used, sizeof(line) - (size_t)used, " %s", option);
    }
    report_line("# options%s", line);
}

/* In bytes, as the loader says: the host compares it with the machine that it made. */
static void report_memory_map(void)
{
    static const char *const kinds[] = {[MEMORY_USABLE] = "usable",
                                        [MEMORY_ACPI] = "acpi",
                                        [MEMORY_TAKEN] = "taken",
                                        [MEMORY_RESERVED] = "reserved"};

    for (size_t i = 0; i < bootinfo.memmap.count; i++) {
        const struct memory_range *range = &bootinfo.memmap.ranges[i];
        report_line("# memory-map start=0x%lx end=0x%lx kind=%s", range->start, range->end,
                    kinds[range->kind]);
    }
}

static void read_acpi(void)
{
    size_t size;
    const void *table = memory_acpi_table(&bootinfo, "FACP", &size, message, sizeof(message));

    if (table)
        acpi_read_fadt(table, size, memory_boot_pointer, &power);
    table = memory_acpi_table(&bootinfo, "APIC", &size, message, sizeof(message));
    if (table && !acpi_read_madt(table, size, &cores, message, sizeof(message)))
        table = NULL;
    if (!table && program_wanted_cores() != 1)
        fail(RULE_ACPI, "%s; cpus=1 would run without other processors", message);
    if (!table)
        report_line("# acpi: %s", message);
}

static void report_clock(void)
{
    char brand[49], core[64], loader[120];

    const char *source = clock_init(power.pm_timer_port);
    cpu_brand(brand);
    report_line("# machine cpu=%s virtual=%u loader=%s", format_value(core, sizeof(core), brand),
                cpu_is_virtual(), format_value(loader, sizeof(loader), bootinfo.loader));
    report_line("# clock source=%s tsc_hz=%lu", source, clock_hz());
}

/* Choose the APIC IDs of the cores to start, without the BSP. Returns how many. */
static size_t choose_cores(uint32_t *apic_ids)
{
    size_t there = 1, count = 0;

    for (size_t i = 0; i < cores.count; i++)
        there += cores.apic_ids[i] != apic_id();
    uint64_t wanted = program_wanted_cores() ? program_wanted_cores() : there;
    if (wanted > there)
        fail(RULE_USAGE, "option cpus=%lu: there are %lu", wanted, there);
    for (size_t i = 0; i < cores.count && count + 1 < wanted; i++)
        if (cores.apic_ids[i] != apic_id())
            apic_ids[count++] = cores.apic_ids[i];
    program_check_cores((uint32_t)count + 1);
    return count;
}

/* Started cores sleep until core 0 has prepared the run. */
static bool run_is_ready;

static void enter_run(void)
{
    selfcheck_core();
    irq_disable();
    while (!__atomic_load_n(&run_is_ready, __ATOMIC_ACQUIRE))
        cpu_sleep();
    irq_enable();
    program_run(cpu_number());
}

/* Nothing to do: taking the interrupt already woke the core. */
static void woken(struct trap_frame *frame)
{
    (void)frame;
}

static void start_apic(void)
{
    uint64_t address = cores.local_apic ? cores.local_apic : APIC_DEFAULT_ADDRESS;

    if (!apic_has_x2apic())
        paging_set(address, address + PAGE_SIZE, PAGING_READ | PAGING_WRITE | PAGING_UNCACHED);
    const char *mode = apic_init(address);
    trap_set_interrupt(VECTOR_WAKE, woken);
    apic_init_core();
    boot_core.local.apic_id = apic_id();
    timer_init();
    report_line("# apic mode=%s cpus=%lu disabled=%lu", mode, cores.count, cores.disabled);
}

static void start_cores(const struct memory *memory)
{
    static uint32_t apic_ids[CORE_LIMIT];
    uint32_t skipped;
    uint64_t start = clock_ns();
    struct bringup bringup = {
        .apic_ids = apic_ids,
        .count = choose_cores(apic_ids),
        .trampoline = memory->trampoline,
        .take = memory_take,
        .guard = memory_guard_stacks,
        .entry = enter_run,
        .wait_ms = BRINGUP_WAIT_MS,
        .skip = UINT32_MAX,
    };

    if (bringup.count && !memory->trampoline)
        fail(RULE_MEMORY, "no page below 640 KiB is usable: other processors cannot be started");
    if (provoke_skips_core(&skipped) && skipped > 0)
        bringup.skip = apic_ids[skipped - 1];
    if (bringup.count)
        smp_start(&bringup);
    memory_forget_trampoline(memory);
    report_line("# smp cores=%u ms=%lu", percpu_count, (clock_ns() - start) / 1000000);
}

static void start_run(void)
{
    __atomic_store_n(&run_is_ready, true, __ATOMIC_RELEASE);
    cpu_wake_others();
    irq_enable();
    program_run(0);
}

void kernel_main(uint32_t magic, uint32_t address)
{
    struct memory memory;

    stress_set_sinks();
    start_cpu();
    serial_init();
    report_start();
    read_bootinfo(magic, address);
    read_options();
    run_constructors();
    const struct page_allocator *allocator = choose_allocator();
    report_allocator(allocator);
    report_options();
    program_check();
    read_acpi();
    report_clock();
    report_memory_map();
    selfcheck_loader_map(&bootinfo);
    memory_setup(&bootinfo, &memory);
    memory_take_for(MEMORY_FOR_CORES);
    memory_guard_stacks(&boot_stacks);
    start_apic();
    start_cores(&memory);
    selfcheck_core();
    selfcheck_interrupts();
    selfcheck_memory(&bootinfo, &memory);
    memory_take_for(MEMORY_FOR_PROGRAM);
    program_prepare(allocator, &memory);
    start_run();
}
