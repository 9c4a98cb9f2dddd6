#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stddef.h>
#include <stress/steps.h>

/* ---- reading ---- */

const char *step_end(const char *step)
{
    while (*step && *step != ' ' && *step != '&')
        step++;
    return step;
}

const char *step_next(const char *step)
{
    const char *end = step_end(step);

    return *end ? end + 1 : end;
}

static uint64_t read_decimal(const char **text)
{
    uint64_t value = 0;

    while (**text >= '0' && **text <= '9')
        value = value * 10 + (uint64_t)(*(*text)++ - '0');
    return value;
}

static uint64_t read_term(const char **text, const struct step_numbers *numbers)
{
    switch (*(*text)++) {
    case 'T':
        return order_pages(numbers->largest);
    case 'M':
        return numbers->largest;
    case 'E':
        return numbers->pages;
    case 'n':
        return order_pages(numbers->order);
    case 'k':
        return numbers->order;
    default:
        --*text;
        return read_decimal(text);
    }
}

static uint64_t read_number(const char **text, const struct step_numbers *numbers)
{
    uint64_t value = read_term(text, numbers);

    while (**text == '+' || **text == '-')
        if (*(*text)++ == '+')
            value += read_term(text, numbers);
        else
            value -= read_term(text, numbers);
    return value;
}

static bool read_separator(const char **text, char separator)
{
    bool there = **text == separator;

    *text += there;
    return there;
}

struct step_pages step_pages(const char *step, const struct step_numbers *numbers)
{
    const char *text = step + 1;
    uint64_t first = read_number(&text, numbers);

    read_separator(&text, ',');
    return (struct step_pages){first, read_number(&text, numbers)};
}

unsigned step_order(const char *step, const struct step_numbers *numbers)
{
    const char *text = step + 1;

    return (unsigned)read_number(&text, numbers);
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/*
 * The order, if it is written as one number up to ORDER_LIMIT; else 0. Sums, and orders that no
 * allocator has, are meant literally.
 */
static unsigned plain_order(const char *text)
{
    uint64_t order = is_digit(*text) ? read_decimal(&text) : 0;

    return *text == '+' || *text == '-' || order > ORDER_LIMIT ? 0 : (unsigned)order;
}

/* The last number of the step. The orders of # rise, so the last is the largest. */
static const char *last_number(const char *step)
{
    const char *found = step + 1;

    for (const char *text = step + 1; text < step_end(step); text++)
        if (*text == ',')
            found = text + 1;
    return found;
}

unsigned step_named_order(const char *step)
{
    switch (*step) {
    case 'a':
    case '>':
        return plain_order(step + 1);
    case 'b':
    case '#':
        return plain_order(last_number(step));
    default:
        return 0;
    }
}

/* ---- in words ---- */

static const char cut_mark[] = "...";

void words_add(struct words *words, const char *format, ...)
{
    unsigned room = words->size - words->length;
    va_list arguments;

    va_start(arguments, format);
    int wanted = format_text_va(words->text + words->length, room, format, arguments);
    va_end(arguments);
    if ((unsigned)wanted < room) {
        words->length += (unsigned)wanted;
        return;
    }
    words->cut = true;
    words->length = words->size - 1;
    if (words->size >= sizeof(cut_mark))
        memcpy(words->text + words->size - sizeof(cut_mark), cut_mark, sizeof(cut_mark));
}

static void describe_pages(struct words *words, const char *verb, const char *step,
                           const struct step_numbers *numbers)
{
    struct step_pages pages = step_pages(step, numbers);

    if (pages.count == 1)
        words_add(words, "%s %lld", verb, (long long)pages.first);
    else
        words_add(words, "%s %lu pages from %lld", verb, pages.count, (long long)pages.first);
}

/* Describe `count` equal allocations in a row, as one. */
static void describe_blocks(struct words *words, const char *step, unsigned count, char letter,
                            const struct step_numbers *numbers)
{
    words_add(words, "allocate order %u as %c", step_order(step, numbers), letter);
    if (count > 1)
        words_add(words, " to %c", letter + (int)count - 1);
}

/* Describe any step but a. */
static void describe_step(struct words *words, const char *step, const struct step_numbers *numbers)
{
    struct step_pages pages;

    switch (*step) {
    case '+':
        return describe_pages(words, "insert", step, numbers);
    case '!':
    case 'o':
        return describe_pages(words, "wrongly insert", step, numbers);
    case '-':
        return describe_pages(words, "remove", step, numbers);
    case '~':
    case 'r':
        return describe_pages(words, "wrongly remove", step, numbers);
    case 'x':
        return words_add(words, "allocate order %u in vain", step_order(step, numbers));
    case 'f':
        return words_add(words, "free %c", step[1]);
    case 's':
        return words_add(words, "count %c as two", step[1]);
    case 'b':
        pages = step_pages(step, numbers);
        return words_add(words, "wrongly free %lld order %lu", (long long)pages.first, pages.count);
    default:
        return;
    }
}

static bool is_call(const char *step)
{
    return !strchr("=#>", *step);
}

/* Whether both steps are the same, letter by letter. */
static bool is_same(const char *left, const char *right)
{
    long length = step_end(left) - left;

    return step_end(right) - right == length && strncmp(left, right, (size_t)length) == 0;
}

/* How many steps in a row are the same, from this one to at most `last`. */
static unsigned repeats(const char *step, const char *last)
{
    unsigned count = 1;

    for (const char *next = step_next(step); *next && next <= last && is_same(step, next);
         next = step_next(next))
        count++;
    return count;
}

/* The letter that the next a or s gives to its block. */
static char letter_at(const char *steps, const char *step)
{
    char letter = 'A';

    for (; steps < step; steps = step_next(steps))
        letter += *steps == 'a' || *steps == 's';
    return letter;
}

/* Returns the last step that it described. */
static const char *describe_call(struct words *words, const char *step, const char *last,
                                 char letter, const struct step_numbers *numbers)
{
    words_add(words, "%s", words->length ? ", " : "");
    if (*step != 'a') {
        describe_step(words, step, numbers);
        return step;
    }
    unsigned count = repeats(step, last);
    describe_blocks(words, step, count, letter, numbers);
    for (; count > 1; count--)
        step = step_next(step);
    return step;
}

/* Describe the calls from `first` to `last`. Returns whether all of them fit. */
static bool describe_from(struct words words, const char *steps, const char *first,
                          const char *last, const struct step_numbers *numbers)
{
    words.text[0] = '\0';
    for (const char *step = first; *step && step <= last; step = step_next(step))
        if (is_call(step))
            step = describe_call(&words, step, last, letter_at(steps, step), numbers);
    return !words.cut;
}

/* The last steps matter most: steps at the front are left out until the rest fits. */
void steps_describe(char *text, unsigned size, const char *first, const char *last,
                    const struct step_numbers *numbers)
{
    const char *start = first;
    unsigned lead = 0;

    while (!describe_from((struct words){.text = text + lead, .size = size - lead}, first, start,
                          last, numbers) &&
           *step_next(start) && step_next(start) <= last) {
        start = step_next(start);
        lead = (unsigned)format_text(text, size, "%s, ", cut_mark);
    }
}

/* ---- sets of free blocks ---- */

/* Keeps the blocks sorted by place, as a person would write them. */
void free_blocks_add(struct free_blocks *free, uint64_t place, unsigned order)
{
    unsigned i = free->count++;

    if (i >= FREE_BLOCKS_KEPT)
        return;
    for (; i > 0 && free->blocks[i - 1].place > place; i--)
        free->blocks[i] = free->blocks[i - 1];
    free->blocks[i] = (struct free_block){place, order};
}

void free_blocks_add_pages(struct free_blocks *free, uint64_t place, uint64_t count,
                           unsigned largest)
{
    while (count) {
        unsigned order = 0;
        while (order < largest && place % order_pages(order + 1) == 0 &&
               count >= order_pages(order + 1))
            order++;
        free_blocks_add(free, place, order);
        place += order_pages(order);
        count -= order_pages(order);
    }
}

void free_blocks_read(struct free_blocks *free, const char *step,
                      const struct step_numbers *numbers)
{
    const char *text = step + 1;

    while (step_end(text) != text) {
        uint64_t place = read_number(&text, numbers);
        bool is_order = read_separator(&text, ':');
        read_separator(&text, '*');
        uint64_t number = read_number(&text, numbers);
        free_blocks_add_pages(free, place, is_order ? order_pages((unsigned)number) : number,
                              numbers->largest);
        read_separator(&text, ',');
    }
}

static bool has_block(const struct free_blocks *free, struct free_block block)
{
    for (unsigned i = 0; i < free->count && i < FREE_BLOCKS_KEPT; i++)
        if (free->blocks[i].place == block.place && free->blocks[i].order == block.order)
            return true;
    return false;
}

bool free_blocks_equal(const struct free_blocks *left, const struct free_blocks *right)
{
    if (left->count != right->count)
        return false;
    for (unsigned i = 0; i < left->count && i < FREE_BLOCKS_KEPT; i++)
        if (!has_block(right, left->blocks[i]))
            return false;
    return true;
}

static const char *joint(unsigned index, unsigned count)
{
    if (index == 0)
        return "";
    return index + 1 == count ? " and " : ", ";
}

void free_blocks_describe(struct words *words, const struct free_blocks *free)
{
    if (!free->count)
        words_add(words, "none");
    for (unsigned i = 0; i < free->count && i < FREE_BLOCKS_KEPT; i++)
        words_add(words, "%s%lld:%u", joint(i, free->count), (long long)free->blocks[i].place,
                  free->blocks[i].order);
    if (free->count > FREE_BLOCKS_KEPT)
        words_add(words, "%s", cut_mark);
}

void free_orders_read(struct free_orders *orders, const char *step,
                      const struct step_numbers *numbers)
{
    const char *text = step + 1;

    while (step_end(text) != text) {
        orders->count[read_number(&text, numbers)]++;
        read_separator(&text, ',');
    }
}

void free_orders_describe(struct words *words, const struct free_orders *orders)
{
    bool any = false;

    for (unsigned order = 0; order <= ORDER_LIMIT; order++)
        for (unsigned i = 0; i < orders->count[order]; i++, any = true)
            words_add(words, "%s%u", any ? ", " : "", order);
    if (!any)
        words_add(words, "none");
}
