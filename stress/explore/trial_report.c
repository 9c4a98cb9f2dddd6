#include <lib/printf.h>
#include <lib/symbols.h>
#include <stress/explore/trial_report.h>
#include <stress/report.h>

void trial_report_program(const char *what, const struct program *program)
{
    char text[PROGRAM_TEXT_SIZE];

    report_line("# %s program=%s", what, program_print(program, text, sizeof(text)));
}

/* The length of a line is limited: a long list takes several. */
static void tell_switches(const struct schedule_switch *list, unsigned count)
{
    char text[200];
    const unsigned a_line = 12; /* switches, of at most 16 characters each */

    for (unsigned i = 0; i < count || i == 0; i += a_line)
        report_line(
            "# minimised switches=%s",
            schedule_print(list + i, count - i < a_line ? count - i : a_line, text, sizeof(text)));
}

void trial_report_minimised(const struct failing *failing, pfn_t start_pfn)
{
    report_line("# minimised cores=%u operations=%u switches=%u first_pfn=0x%lx",
                program_cores(&failing->program), program_length(&failing->program),
                failing->switch_count, start_pfn);
    trial_report_program("minimised", &failing->program);
    tell_switches(failing->switches, failing->switch_count);
}

static const char *kind_word(unsigned kind)
{
    if (kind & ACCESS_MODIFY)
        return "modify";
    if (kind & ACCESS_ATOMIC)
        return kind & ACCESS_WRITE ? "store" : "load";
    return kind & ACCESS_WRITE ? "write" : "read";
}

/* The name of an address as a value for key=value, in at most `size` characters with the NUL.
 * Returns `text`. */
static const char *quoted_place(uintptr_t address, char *text, size_t size)
{
    char place[40];

    return format_value(text, size, trial_place(address, place, sizeof(place)));
}

void trial_report_trace(const struct trace_entry *trace)
{
    char place[40], name[64];

    for (unsigned i = 0; i < simulator_trace_count(); i++) {
        const struct trace_entry *entry = &trace[i];
        uintptr_t at = (uintptr_t)entry->at - 1; /* in the call, not behind it */
        report_line("# trace thread=%s operation=%d kind=%s bytes=%u place=%s was=0x%lx at=0x%lx "
                    "function=%s",
                    thread_name(entry->thread), entry->operation, kind_word(entry->kind),
                    entry->size, quoted_place(entry->address, place, sizeof(place)), entry->before,
                    at, symbol_format(name, sizeof(name), at));
    }
}

void trial_report_outcomes(const struct program *program)
{
    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
        for (unsigned i = 0; i < program->count[thread]; i++) {
            struct trial_outcome outcome = trial_outcome(thread, i);
            if (program->operations[thread][i].kind != PROGRAM_ALLOCATE || !outcome.done)
                continue;
            if (outcome.pfn == INVALID_PFN)
                report_line("# outcome thread=%s operation=%u page=none", thread_name(thread), i);
            else
                report_line("# outcome thread=%s operation=%u page=%lu", thread_name(thread), i,
                            outcome.pfn);
        }
}

static void tell_side(const char *which, const struct race_access *access)
{
    char name[64], lock[64];
    uintptr_t at = (uintptr_t)access->at - 1;

    report_line("# race side=%s thread=%s kind=%s at=0x%lx function=%s lock=%s", which,
                thread_name(access_thread(access)), kind_word(access_kind(access)), at,
                symbol_format(name, sizeof(name), at),
                format_value(lock, sizeof(lock), access->lock));
}

void trial_report_race(void)
{
    char place[40];
    const struct race *race = simulator_race();

    report_line("# race place=%s", quoted_place(race->address, place, sizeof(place)));
    tell_side("first", &race->first);
    tell_side("second", &race->second);
}
