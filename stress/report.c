#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/percpu.h>
#include <arch/serial.h>
#include <lib/crc32.h>
#include <lib/printf.h>
#include <lib/sizes.h>
#include <stress/report.h>

enum {
    LOG_FORMAT = 2,         /* docs/LOG.md, "Versions" */
    SEIZE_TURNS = 10000000, /* much longer than a line takes at 115200 baud */
};

static struct {
    uint32_t owner; /* 0: free, else the core's number + 1. Atomic */
    bool planned;
    uint64_t lines;
    uint32_t crc;
    uint64_t nonce;
} report;

const char *verdict_name(enum verdict verdict)
{
    static const char *const words[] = {
#define VERDICT(name, code, word, ...) [VERDICT_##name] = word,
#include <stress/verdicts.def>
    };

    return words[verdict];
}

/*
 * Not a spinlock_irq: that one counts for the statistics of the allocator's locks, and it reports
 * its own misuse through this log.
 */
static bool try_own(uint32_t me)
{
    uint32_t expected = 0;
    return __atomic_compare_exchange_n(&report.owner, &expected, me, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static void write_line(const char *text, int length)
{
    if (length > LINE_LIMIT)
        length = LINE_LIMIT;
    report.crc = crc32_extend(report.crc, text, (uint32_t)length);
    report.crc = crc32_extend(report.crc, "\n", 1);
    report.lines++;
    serial_write(text, (uint32_t)length);
    serial_write("\r\n", 2);
}

void report_line(const char *format, ...)
{
    char text[LINE_LIMIT + 1];
    va_list arguments;

    va_start(arguments, format);
    int length = format_text_va(text, sizeof(text), format, arguments);
    va_end(arguments);

    uint32_t me = cpu_number() + 1;
    irq_flags_t flags = irq_save();
    bool mine = __atomic_load_n(&report.owner, __ATOMIC_RELAXED) == me;
    while (!mine && !try_own(me))
        cpu_relax();
    write_line(text, length);
    if (!mine)
        __atomic_store_n(&report.owner, 0, __ATOMIC_RELEASE);
    irq_restore(flags);
}

void report_log(const char *format, va_list arguments)
{
    char text[LINE_LIMIT + 1];

    format_text_va(text, sizeof(text), format, arguments);
    report_line("# log: %s", text);
}

void report_seize(void)
{
    uint32_t me = cpu_number() + 1;

    for (unsigned turn = 0; turn < SEIZE_TURNS; turn++) {
        if (__atomic_load_n(&report.owner, __ATOMIC_RELAXED) == me || try_own(me))
            return;
        cpu_relax();
    }
    __atomic_store_n(&report.owner, me, __ATOMIC_RELAXED);
}

/* Begins with a new line, since firmware and loader may leave the cursor anywhere. */
void report_start(void)
{
    serial_write("\r\n", 2);
    report_line("KTAP version 1");
}

void report_program(uint64_t nonce, const char *boot)
{
    report.nonce = nonce;
    report_line("# stampede version=%s log=%u nonce=%016lx boot=%s", STAMPEDE_VERSION, LOG_FORMAT,
                nonce, boot);
}

void report_plan(unsigned count)
{
    report.planned = true;
    report_line("1..%u", count);
}

bool report_has_plan(void)
{
    return report.planned;
}

void report_end(enum verdict verdict)
{
    report_line("# verdict=%s", verdict_name(verdict));
    uint64_t lines = report.lines;
    uint32_t crc = report.crc;
    report_line("# end nonce=%016lx lines=%lu crc=0x%08x", report.nonce, lines, crc);
}
