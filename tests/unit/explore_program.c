/* stress/explore/program.c: programs as text, both ways, and drawn at random. */
#include <stress/explore/program.h>
#include <string.h>
#include <tests/unit/unit.h>

static struct program program, other;
static char message[200], text[PROGRAM_TEXT_SIZE];

TEST(text_is_read_and_written)
{
    static const char *const texts[] = {
        "1",
        "16/0:a0,f0.0,c/1:a2/i0:a1",
        "64/0:m3.4,p0,-/i3:x0.7",
        "8/0:a0,a0,a0,a0,a0,a0,a0,a0/3:f0.7",
    };

    for (unsigned i = 0; i < 2; i++) {
        CHECK(program_parse(&program, texts[i], message, sizeof message));
        CHECK_TEXT(program_print(&program, text, sizeof text), texts[i]);
    }
    CHECK(program_parse(&program, texts[3], message, sizeof message));
    CHECK_EQUAL(program_cores(&program), 4);
    CHECK_EQUAL(program_length(&program), 9);
    CHECK(!program_parse(&program, texts[2], message,
                         sizeof message)); /* frees a block that does not exist */
}

TEST(bad_text_is_refused)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "wrong at character 0"},
        {"0/0:a0", "wrong at character 1"},
        {"65/0:a0", "wrong at character 2"},
        {"8/4:a0", "wrong at character 2, \"4:a0\""},
        {"8/0:b0", "wrong at character 4, \"b0\""},
        {"8/0:a21", "wrong at character 7"},
        {"8/0:a0/0:a0", "wrong at character 9"},
        {"8/0:a0,a0,a0,a0,a0,a0,a0,a0,a0", "wrong at character 28"},
        {"8/0:a0 ", "wrong at character 6"},
        {"8/0:f1.0", "operation 0 of 0 frees what no operation allocates"},
        {"8/1:m0.1", "operation 0 of 1 removes pages"},
        {"8/0:m4.5", "removes pages that there are not"},
        {"8/0:p1", "puts back what no operation removes"},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(!program_parse(&program, cases[i].text, message, sizeof message));
        CHECK_PART(message, cases[i].part);
    }
}

static const struct program_limits all = {
    .largest_order = MAX_ORDER,
    .operations = 8,
    .interrupts = true,
    .removes = true,
    .bad_frees = true,
    .counts = true,
};

/* A drawn program can be written as text, is the same for the same seed, and all kinds come. */
TEST(programs_are_drawn)
{
    unsigned kinds[PROGRAM_COUNT + 1] = {0}, most_cores = 0;
    bool interrupts = false, remote = false;

    for (uint64_t seed = 0; seed < 2000; seed++) {
        program_generate(&program, seed, &all);
        program_generate(&other, seed, &all);
        CHECK(memcmp(&program, &other, sizeof program) == 0);
        program_print(&program, text, sizeof text);
        if (!program_parse(&other, text, message, sizeof message))
            unit_fail(__FILE__, __LINE__, "%s: %s", text, message);
        CHECK(memcmp(&program, &other, sizeof program) == 0);
        most_cores = program_cores(&program) > most_cores ? program_cores(&program) : most_cores;
        for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
            for (unsigned i = 0; i < program.count[thread]; i++) {
                kinds[program.operations[thread][i].kind]++;
                interrupts |= thread_is_interrupt(thread);
                remote |= program.operations[thread][i].kind == PROGRAM_FREE &&
                          program.operations[thread][i].a != thread;
            }
    }
    CHECK_EQUAL(kinds[PROGRAM_NOTHING], 0);
    for (unsigned kind = PROGRAM_ALLOCATE; kind <= PROGRAM_COUNT; kind++)
        CHECK(kinds[kind] > 100);
    CHECK_EQUAL(most_cores, 4);
    CHECK(interrupts && remote);
}

TEST(limits_are_kept)
{
    const struct program_limits few = {
        .cores = 1, .operations = 2, .pages = 13, .largest_order = MAX_ORDER};

    for (uint64_t seed = 0; seed < 500; seed++) {
        program_generate(&program, seed, &few);
        CHECK_EQUAL(program_cores(&program), 1);
        CHECK_EQUAL(program.pages, 13);
        CHECK_EQUAL(program.count[0], 2);
        for (unsigned i = 0; i < 2; i++)
            CHECK(program.operations[0][i].kind == PROGRAM_ALLOCATE ||
                  program.operations[0][i].kind == PROGRAM_FREE);
    }
}
