#include <arch/work.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stddef.h>
#include <stress/phases.h>
#include <stress/plan.h>
#include <stress/report.h>

const struct phase *const all_phases[] = {
#define PHASE(name, ...) &phase_##name,
#include <stress/phases.def>
    NULL,
};

const struct phase_row phase_rows[] = {
#define PHASE(name, title, promises, needs, does) {title, promises, needs},
#include <stress/phases.def>
};

/* Whether the list of names contains name. */
static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    if (strcmp(list, "all") == 0)
        return true;
    for (const char *word = list; word; word = strchr(word, ',')) {
        word += *word == ',';
        if (strncmp(word, name, length) == 0 && (word[length] == ',' || word[length] == '\0'))
            return true;
    }
    return false;
}

static bool phase_exists(const char *name, size_t length)
{
    for (unsigned i = 0; all_phases[i]; i++)
        if (strlen(all_phases[i]->row->name) == length &&
            strncmp(all_phases[i]->row->name, name, length) == 0)
            return true;
    return false;
}

static void list_phases(char *text, size_t size)
{
    size_t used = (size_t)format_text(text, size, "all");

    for (unsigned i = 0; all_phases[i] && used < size; i++)
        used += (size_t)format_text(text + used, size - used, " %s", all_phases[i]->row->name);
}

bool plan_check_phases(const char *list, char *message, size_t size)
{
    char known[160];

    if (strcmp(list, "all") == 0)
        return true;
    for (const char *word = list; word;) {
        const char *comma = strchr(word, ',');
        size_t length = comma ? (size_t)(comma - word) : strlen(word);
        if (!phase_exists(word, length)) {
            list_phases(known, sizeof(known));
            format_text(message, size, "option phases: no phase \"%.*s\"; there are: %s",
                        (int)length, word, known);
            return false;
        }
        word = comma ? comma + 1 : NULL;
    }
    return true;
}

static bool can_place(const struct page_allocator *allocator)
{
    return allocator->allocate_below || allocator->allocate_at || allocator->allocate_on_node;
}

/* What the phase lacks with this allocator and machine, or NULL. */
static const char *hindrance(const struct run *run, const struct phase *phase)
{
    const struct page_allocator *allocator = run->arena.allocator;
    unsigned needs = phase->row->needs;
    unsigned missing = phase->row->promises & ~allocator->promises;

    if (!phase->once && strcmp(run->options->memory, "none") == 0)
        return "memory=all";
    if (missing)
        return page_promise_name(missing & -missing);
    if ((needs & NEEDS_REMOVAL) && !allocator->remove_pages)
        return "remove_pages";
    if ((needs & NEEDS_REMOVAL) && allocator->removes_alone)
        return "remove_pages while others allocate";
    if ((needs & NEEDS_REMOVAL) && allocator->pages_kept)
        return "an allocator that keeps no pages of its ranges";
    if ((needs & NEEDS_PLACEMENT) && !can_place(allocator))
        return "allocate_below, allocate_at or allocate_on_node";
    if ((needs & NEEDS_INTERRUPTS) && !work_is_possible())
        return "interrupts";
    return NULL;
}

bool plan_includes(const struct run *run, const struct phase *phase)
{
    return listed(run->options->phases, phase->row->name) && !hindrance(run, phase);
}

unsigned plan_count(const struct run *run)
{
    unsigned count = 0;

    for (unsigned i = 0; all_phases[i]; i++) {
        const char *lacking = hindrance(run, all_phases[i]);
        if (lacking && listed(run->options->phases, all_phases[i]->row->name))
            report_line("# phase=%s outcome=left-out why=\"it needs %s\"", all_phases[i]->row->name,
                        lacking);
        count += plan_includes(run, all_phases[i]);
    }
    return count;
}

unsigned plan_weight(const struct run *run, const struct phase *first)
{
    unsigned weight = 0, i = 0;

    while (first && all_phases[i] != first)
        i++;
    for (; all_phases[i]; i++)
        if (plan_includes(run, all_phases[i]))
            weight += all_phases[i]->weight;
    return weight ? weight : 1;
}

void plan_report_rest(const void *context, unsigned failed)
{
    const struct run *run = context;
    unsigned index = 0;

    for (unsigned i = 0; all_phases[i]; i++)
        if (plan_includes(run, all_phases[i]) && ++index > failed)
            report_line("ok %u %s # SKIP not run after the failure of phase %u", index,
                        all_phases[i]->row->name, failed);
}
