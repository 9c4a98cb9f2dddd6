#include <lib/printf.h>
#include <lib/string.h>
#include <stress/explore/program.h>

const char *thread_name(unsigned thread)
{
    static const char *const names[EXPLORE_THREADS] = {"0", "1", "2", "3", "i0", "i1", "i2", "i3"};

    return names[thread];
}

const char *thread_parse(const char *text, unsigned *thread)
{
    bool interrupt = *text == 'i';

    text += interrupt;
    if (*text < '0' || *text >= '0' + EXPLORE_CORES)
        return NULL;
    *thread = (unsigned)(*text - '0') + (interrupt ? EXPLORE_CORES : 0);
    return text + 1;
}

unsigned program_cores(const struct program *program)
{
    unsigned cores = 1;

    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
        if (program->count[thread] && thread_core(thread) >= cores)
            cores = thread_core(thread) + 1;
    return cores;
}

unsigned program_length(const struct program *program)
{
    unsigned length = 0;

    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
        for (unsigned i = 0; i < program->count[thread]; i++)
            length += program->operations[thread][i].kind != PROGRAM_NOTHING;
    return length;
}

/* ---- generating ---- */

struct generator {
    struct program *program;
    struct prng random;
    const struct program_limits *limits;
    unsigned cores, top_order;
    bool pressure; /* large blocks, too, so that memory runs out */
};

static unsigned below(struct generator *generator, unsigned bound)
{
    return (unsigned)prng_below(&generator->random, bound);
}

/* Mostly small orders, as in practice; under pressure any order. */
static unsigned draw_order(struct generator *generator)
{
    unsigned order = 0;

    if (generator->pressure)
        return below(generator, generator->top_order + 1);
    while (order < generator->top_order && below(generator, 3) == 0)
        order++;
    return order;
}

/* Draw an earlier allocation of this thread, or any allocation of another thread. The schedule
 * decides whether it will have been made. */
static bool draw_block(struct generator *generator, unsigned thread, unsigned at,
                       struct program_operation *operation)
{
    unsigned from = thread;

    if (below(generator, 3) == 0)
        from = below(generator, generator->cores) + (below(generator, 4) == 0 ? EXPLORE_CORES : 0);
    unsigned count = from == thread ? at : generator->program->count[from];
    unsigned first = count ? below(generator, count) : 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned index = (first + i) % count;
        if (generator->program->operations[from][index].kind == PROGRAM_ALLOCATE) {
            operation->a = (uint8_t)from;
            operation->b = (uint8_t)index;
            return true;
        }
    }
    return false;
}

static struct program_operation draw_removal(struct generator *generator)
{
    unsigned count = 1 + below(generator, generator->program->pages / 2);
    unsigned start = below(generator, generator->program->pages - count + 1);

    return (struct program_operation){PROGRAM_REMOVE, (uint8_t)start, (uint8_t)count};
}

/* Only core 0 removes and inserts ranges, since one core at a time may (stress/arena.h). */
static struct program_operation draw_special(struct generator *generator, unsigned thread,
                                             unsigned at)
{
    struct program_operation operation = {0};
    const struct program_operation *mine = generator->program->operations[thread];

    if (generator->limits->removes && thread == 0 && at && mine[at - 1].kind == PROGRAM_REMOVE)
        return (struct program_operation){PROGRAM_PUT_BACK, (uint8_t)(at - 1), 0};
    switch (below(generator, 8)) {
    case 0:
        if (generator->limits->removes && thread == 0 && at + 1 < EXPLORE_OPERATIONS)
            return draw_removal(generator);
        break;
    case 1:
        operation.kind = PROGRAM_BAD_FREE;
        if (generator->limits->bad_frees && draw_block(generator, thread, at, &operation))
            return operation;
        break;
    case 2:
        if (generator->limits->counts && below(generator, 2))
            return (struct program_operation){PROGRAM_COUNT, 0, 0};
        break;
    default:
        break;
    }
    return (struct program_operation){0};
}

static struct program_operation draw_operation(struct generator *generator, unsigned thread,
                                               unsigned at)
{
    struct program_operation operation = draw_special(generator, thread, at);

    if (operation.kind != PROGRAM_NOTHING)
        return operation;
    operation.kind = PROGRAM_FREE;
    if (below(generator, 2) && draw_block(generator, thread, at, &operation))
        return operation;
    return (struct program_operation){PROGRAM_ALLOCATE, (uint8_t)draw_order(generator), 0};
}

static unsigned draw_pages(struct generator *generator)
{
    static const uint8_t sizes[] = {8, 8, 16, 16, 24, 32, 64};

    if (generator->limits->pages)
        return generator->limits->pages;
    return below(generator, 8) ? sizes[below(generator, sizeof(sizes))]
                               : 8 + below(generator, EXPLORE_PAGES - 8 + 1);
}

static void draw_thread(struct generator *generator, unsigned thread, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        generator->program->operations[thread][i] = draw_operation(generator, thread, i);
    generator->program->count[thread] = (uint8_t)count;
}

static unsigned round_up(unsigned pages, unsigned multiple)
{
    return (pages + multiple - 1) / multiple * multiple;
}

void program_generate(struct program *program, uint64_t seed, const struct program_limits *limits)
{
    struct generator generator = {.program = program, .limits = limits};

    memset(program, 0, sizeof(*program));
    prng_seed(&generator.random, seed, 0);
    program->pages = draw_pages(&generator);
    if (limits->page_multiple)
        program->pages = round_up(program->pages, limits->page_multiple);
    generator.top_order = largest_order(0, program->pages);
    while (order_pages(generator.top_order) > program->pages)
        generator.top_order--;
    if (generator.top_order > limits->largest_order)
        generator.top_order = limits->largest_order;
    generator.pressure = below(&generator, 2);
    generator.cores = 2 + (below(&generator, 2) ? below(&generator, EXPLORE_CORES - 1) : 0);
    if (limits->cores && generator.cores > limits->cores)
        generator.cores = limits->cores;
    for (unsigned core = 0; core < generator.cores; core++)
        draw_thread(&generator, core, 2 + below(&generator, limits->operations - 1));
    for (unsigned core = 0; limits->interrupts && core < generator.cores; core++)
        if (below(&generator, 3) == 0)
            draw_thread(&generator, EXPLORE_CORES + core, 1 + below(&generator, 2));
}

/* ---- text ---- */

struct cursor {
    const char *at;
};

static bool read_number(struct cursor *cursor, unsigned limit, uint8_t *value)
{
    unsigned number = 0, digits = 0;

    for (; *cursor->at >= '0' && *cursor->at <= '9' && digits < 4; cursor->at++, digits++)
        number = number * 10 + (unsigned)(*cursor->at - '0');
    *value = (uint8_t)number;
    return digits > 0 && number <= limit;
}

static bool read_character(struct cursor *cursor, char wanted)
{
    if (*cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

static bool read_block(struct cursor *cursor, struct program_operation *operation)
{
    unsigned thread;
    const char *rest = thread_parse(cursor->at, &thread);

    if (!rest)
        return false;
    cursor->at = rest;
    operation->a = (uint8_t)thread;
    return read_character(cursor, '.') &&
           read_number(cursor, EXPLORE_OPERATIONS - 1, &operation->b);
}

static bool read_operation(struct cursor *cursor, struct program_operation *operation)
{
    switch (*cursor->at++) {
    case 'a':
        operation->kind = PROGRAM_ALLOCATE;
        return read_number(cursor, ORDER_LIMIT, &operation->a);
    case 'f':
        operation->kind = PROGRAM_FREE;
        return read_block(cursor, operation);
    case 'x':
        operation->kind = PROGRAM_BAD_FREE;
        return read_block(cursor, operation);
    case 'm':
        operation->kind = PROGRAM_REMOVE;
        return read_number(cursor, EXPLORE_PAGES - 1, &operation->a) &&
               read_character(cursor, '.') && read_number(cursor, EXPLORE_PAGES, &operation->b);
    case 'p':
        operation->kind = PROGRAM_PUT_BACK;
        return read_number(cursor, EXPLORE_OPERATIONS - 1, &operation->a);
    case 'c':
        operation->kind = PROGRAM_COUNT;
        return true;
    case '-':
        return true;
    default:
        cursor->at--;
        return false;
    }
}

static bool read_thread(struct cursor *cursor, struct program *program)
{
    unsigned thread;
    const char *rest = thread_parse(cursor->at, &thread);

    if (!rest)
        return false;
    cursor->at = rest;
    if (!read_character(cursor, ':') || program->count[thread])
        return false;
    do {
        unsigned at = program->count[thread];
        if (at == EXPLORE_OPERATIONS || !read_operation(cursor, &program->operations[thread][at]))
            return false;
        program->count[thread]++;
    } while (read_character(cursor, ','));
    return true;
}

/* Only core 0 removes pages, which must be the program's, and puts them back. A free must name an
 * operation that exists and is not a free, put back one of core 0 that removes or does nothing. */
static const char *check_operation(const struct program *program, unsigned thread,
                                   const struct program_operation *operation)
{
    switch (operation->kind) {
    case PROGRAM_FREE:
    case PROGRAM_BAD_FREE:
        if (operation->b >= program->count[operation->a] ||
            program->operations[operation->a][operation->b].kind == PROGRAM_FREE)
            return "frees what no operation allocates";
        break;
    case PROGRAM_REMOVE:
        if (thread != 0 || !operation->b || operation->a + operation->b > program->pages)
            return "removes pages that there are not, or not on core 0";
        break;
    case PROGRAM_PUT_BACK:
        if (thread != 0 || operation->a >= program->count[0] ||
            (program->operations[0][operation->a].kind != PROGRAM_REMOVE &&
             program->operations[0][operation->a].kind != PROGRAM_NOTHING))
            return "puts back what no operation removes";
        break;
    default:
        break;
    }
    return NULL;
}

static bool check_program(const struct program *program, char *message, size_t size)
{
    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
        for (unsigned i = 0; i < program->count[thread]; i++) {
            const char *wrong = check_operation(program, thread, &program->operations[thread][i]);
            if (wrong) {
                format_text(message, size, "program: operation %u of %s %s", i, thread_name(thread),
                            wrong);
                return false;
            }
        }
    return true;
}

bool program_parse(struct program *program, const char *text, char *message, size_t size)
{
    struct cursor cursor = {text};
    uint8_t pages;

    memset(program, 0, sizeof(*program));
    bool good = read_number(&cursor, EXPLORE_PAGES, &pages) && pages;
    program->pages = pages;
    while (good && read_character(&cursor, '/'))
        good = read_thread(&cursor, program);
    if (good && !*cursor.at)
        return check_program(program, message, size);
    format_text(message, size,
                "program: wrong at character %u, \"%.16s\"; such as "
                "16/0:a0,f0.0/1:a2/i0:a1",
                (unsigned)(cursor.at - text), cursor.at);
    return false;
}

static int print_operation(const struct program_operation *operation, char *text, size_t size)
{
    switch (operation->kind) {
    case PROGRAM_ALLOCATE:
        return format_text(text, size, "a%u", operation->a);
    case PROGRAM_FREE:
    case PROGRAM_BAD_FREE:
        return format_text(text, size, "%c%s.%u", operation->kind == PROGRAM_FREE ? 'f' : 'x',
                           thread_name(operation->a), operation->b);
    case PROGRAM_REMOVE:
        return format_text(text, size, "m%u.%u", operation->a, operation->b);
    case PROGRAM_PUT_BACK:
        return format_text(text, size, "p%u", operation->a);
    default:
        return format_text(text, size, "%s", operation->kind == PROGRAM_COUNT ? "c" : "-");
    }
}

char *program_print(const struct program *program, char *text, size_t size)
{
    size_t used = (size_t)format_text(text, size, "%u", program->pages);

    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
        for (unsigned i = 0; i < program->count[thread] && used + 16 < size; i++) {
            if (i == 0)
                used += (size_t)format_text(text + used, size - used, "/%s:", thread_name(thread));
            else
                text[used++] = ',';
            used +=
                (size_t)print_operation(&program->operations[thread][i], text + used, size - used);
        }
    return text;
}
