/*
 * lib/options.c with the tables of stress/options.c: right options, each way to be refused, and
 * random input.
 */
#include <lib/prng.h>
#include <stdio.h>
#include <stress/options.h>
#include <string.h>
#include <tests/unit/unit.h>

enum { OPTIONS = 17 };

static const struct option_table *const table = &stress_option_table;
static struct stress_options options;
static struct explore_options explore_options;
static char message[512];

static bool parse(const char *line)
{
    struct stress_options before = options;
    memset(message, '~', sizeof message);
    bool good = options_parse(table, &options, host_guarded_copy(0, line, strlen(line) + 1),
                              message, sizeof message);
    bool several =
        strchr(line, ' ') != NULL; /* then the options before the refused one have been set */
    CHECK(good || several || memcmp(&before, &options, sizeof options) == 0);
    CHECK(good || memchr(message, '\0', sizeof message) != NULL);
    return good;
}

TEST(defaults)
{
    memset(&options, 0x5a, sizeof options);
    options_default(table, &options);
    CHECK(options.common.seed == 0 && options.common.nonce == 0 && options.common.seconds == 15 &&
          options.ops == 0);
    CHECK(options.cpus == 0 && options.sample == 16 && options.yield_one_in == 0 &&
          options.floor == 100);
    CHECK_EQUAL(options.preempt, 0);
    CHECK_TEXT(options.common.allocator, "");
    CHECK_TEXT(options.phases, "all");
    CHECK_TEXT(options.common.exit, "auto");
    CHECK_TEXT(options.provoke, "");
    CHECK(options.orders[0] == 1000 && options.orders[1] == 500);
    for (unsigned order = 1; order <= ORDER_LIMIT; order++) {
        CHECK(options.orders[order] >= 1);
        CHECK(options.orders[order] <= options.orders[order - 1]);
    }
}

TEST(good)
{
    options_default(table, &options);
    CHECK(parse(""));
    CHECK(parse("   "));
    CHECK(
        parse(" seed=18446744073709551615  nonce=7d2c81f0a6b35e94 seconds=604800 ops=1000000000000 "
              "cpus=255 sample=65536 yield=1000000 preempt=1000000 floor=1000 allocator=buddy-scan "
              "phases=selftest,mixed exit=power-off provoke=hang@3 orders=1,0,2 "));
    CHECK(options.common.seed == UINT64_MAX &&
          options.common.nonce == UINT64_C(0x7d2c81f0a6b35e94));
    CHECK(options.common.seconds == 604800 && options.ops == UINT64_C(1000000000000));
    CHECK(options.cpus == 255 && options.sample == 65536 && options.yield_one_in == 1000000);
    CHECK_EQUAL(options.floor, 1000);
    CHECK_EQUAL(options.preempt, 1000000);
    CHECK_TEXT(options.common.allocator, "buddy-scan");
    CHECK_TEXT(options.phases, "selftest,mixed");
    CHECK_TEXT(options.common.exit, "power-off");
    CHECK_TEXT(options.provoke, "hang@3");
    CHECK(options.orders[0] == 1 && options.orders[1] == 0 && options.orders[2] == 2);
    for (unsigned order = 3; order <= ORDER_LIMIT; order++)
        CHECK_EQUAL(options.orders[order], 0);
    CHECK(parse("seed=0xffFFffffffffffff nonce=0x10 allocator= provoke= exit=halt orders=0x10"));
    CHECK(options.common.seed == UINT64_MAX && options.common.nonce == 16 &&
          options.orders[0] == 16);
    CHECK(options.common.allocator[0] == '\0' && options.common.seconds == 604800);
}

static void refused(const char *line, const char *expected)
{
    CHECK(!parse(line));
    CHECK_TEXT(message, expected);
}

TEST(numbers_refused)
{
    options_default(table, &options);
    refused("seconds=abc", "option seconds=abc: not a number; allowed 1 to 604800");
    refused("seconds=", "option seconds=: not a number; allowed 1 to 604800");
    refused("seconds=5s", "option seconds=5s: not a number; allowed 1 to 604800");
    refused("seconds=-1", "option seconds=-1: not a number; allowed 1 to 604800");
    refused("seconds=0x", "option seconds=0x: not a number; allowed 1 to 604800");
    refused("seconds=ff", "option seconds=ff: not a number; allowed 1 to 604800");
    refused("seconds=0", "option seconds=0: out of range; allowed 1 to 604800");
    refused("seconds=604801", "option seconds=604801: out of range; allowed 1 to 604800");
    refused("cpus=256", "option cpus=256: out of range; allowed 0 to 255");
    refused("sample=0", "option sample=0: out of range; allowed 1 to 65536");
    refused("yield=1000001", "option yield=1000001: out of range; allowed 0 to 1000000");
    refused("floor=1001", "option floor=1001: out of range; allowed 0 to 1000");
    refused("ops=1000000000001",
            "option ops=1000000000001: out of range; allowed 0 to 1000000000000");
    refused("seed=18446744073709551616", "option seed=18446744073709551616: out of range; allowed "
                                         "0 to 18446744073709551615");
    refused("cpus=18446744073709551617",
            "option cpus=18446744073709551617: out of range; allowed 0 to 255");
    refused("cpus=0x10000000000000001",
            "option cpus=0x10000000000000001: out of range; allowed 0 to 255");
    refused("nonce=xyz", "option nonce=xyz: not a hex number; allowed 1 to 16 hex digits");
    refused("nonce=12345678123456781",
            "option nonce=12345678123456781: out of range; allowed 1 to 16 hex digits");
}

TEST(texts_refused)
{
    char line[200] = "allocator=";
    options_default(table, &options);
    refused("allocator=Buddy", "option allocator=Buddy: character 'B'; allowed "
                               "abcdefghijklmnopqrstuvwxyz0123456789-");
    refused("phases=", "option phases=: 0 characters; allowed 1 to 127");
    refused("phases=a;b", "option phases=a;b: character ';'; allowed "
                          "abcdefghijklmnopqrstuvwxyz0123456789-,");
    refused("exit=reboot", "option exit=reboot: no such choice; allowed auto halt power-off");
    refused("exit=", "option exit=: no such choice; allowed auto halt power-off");
    refused("exit=power", "option exit=power: no such choice; allowed auto halt power-off");
    memset(line + 10, 'x', 63);
    line[73] = '\0';
    CHECK(parse(line));
    CHECK_EQUAL(strlen(options.common.allocator), 63);
    line[73] = 'x';
    refused(line, "option allocator=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...: 64 characters; "
                  "allowed 0 to 63");
}

TEST(weights_refused)
{
    char expected[160], line[64] = "orders=1";
    const char *allowed =
        "no list of weights; allowed 1 to %d numbers from 0 to 1000000, not all 0";
    static const char *const bad[] = {"orders=",     "orders=,",   "orders=1,",      "orders=,1",
                                      "orders=1,,1", "orders=0",   "orders=0,0",     "orders=x",
                                      "orders=1,x",  "orders=1;2", "orders=1000001", "orders=-1"};
    options_default(table, &options);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int length = snprintf(expected, sizeof expected, "option %s: ", bad[i]);
        snprintf(expected + length, sizeof expected - (size_t)length, allowed, ORDER_LIMIT + 1);
        refused(bad[i], expected);
    }
    for (unsigned order = 1; order <= ORDER_LIMIT; order++)
        strcat(line, ",1");
    CHECK(parse(line));
    CHECK_EQUAL(options.orders[ORDER_LIMIT], 1);
    strcat(line, ",1");
    CHECK(!parse(line));
}

/* The log that reports the mistake must have this run's nonce. */
TEST(nonce_before_a_mistake)
{
    options_default(table, &options);
    CHECK(!parse("nonce=abc seconds=x") && options.common.nonce == 0xabc);
    CHECK(!parse("seconds=x nonce=def") && options.common.nonce == 0xabc);
    CHECK(!parse("nonce=xyz") && options.common.nonce == 0xabc);
}

TEST(words_refused)
{
    const char *known = "; known: seed nonce seconds ops cpus sample yield preempt watchdog floor "
                        "allocator phases exit on-fail provoke memory orders";
    char expected[200];
    options_default(table, &options);
    snprintf(expected, sizeof expected, "unknown option sedes=4%s", known);
    refused("sedes=4", expected);
    snprintf(expected, sizeof expected, "unknown option quiet%s", known);
    refused("seed=1 quiet", expected);
    snprintf(expected, sizeof expected, "unknown option =5%s", known);
    refused("=5", expected);
    snprintf(expected, sizeof expected, "unknown option Seed=5%s", known);
    refused("Seed=5", expected);
    refused("seconds", "option seconds: no value; write seconds=VALUE");
    refused("phases=all seed=1 phases=all", "option phases: given twice");
    refused("seed=1\tcpus=2", "command line: character 0x9 at position 6; allowed printable ASCII");
    refused("seed=\xe9", "command line: character 0xe9 at position 5; allowed printable ASCII");
}

TEST(options_of_the_other_program_refused)
{
    char line[64], text[256];
    const struct option_table *const tables[] = {&stress_option_table, &explore_option_table};
    void *const values[] = {&options, &explore_options};
    unsigned foreign = 0;
    options_default(table, &options);
    options_default(&explore_option_table, &explore_options);
    refused("races=1", "option races=1: is for the explorer (make explore, ci/stampede explore)");
    refused("races", "option races: is for the explorer (make explore, ci/stampede explore)");
    CHECK(!options_parse(&explore_option_table, &explore_options, "seed=1 yield=5", message,
                         sizeof message));
    CHECK_TEXT(message, "option yield=5: is for the stress (make run, ci/stampede run)");
    for (unsigned program = 0; program < 2; program++) {
        const struct option_table *other = tables[!program];
        for (size_t i = 0; options_print(other, values[!program], i, text, sizeof text); i++) {
            snprintf(line, sizeof line, "%.63s", text);
            if (!options_parse(tables[program], values[program], line, message, sizeof message)) {
                CHECK(strstr(message, other->program) != NULL);
                foreign++;
            }
        }
    }
    CHECK_EQUAL(foreign, 11 + 16);
}

TEST(message_is_cut)
{
    char small[20];
    options_default(table, &options);
    for (size_t size = 1; size < sizeof small; size++) {
        memset(small, '~', sizeof small);
        CHECK(!options_parse(table, &options, "unknown=1", small, size));
        CHECK_EQUAL(strlen(small), size - 1);
        CHECK(size == sizeof small || small[size] == '~');
    }
}

/* All values, written as in the log, read back as the same values. */
static void check_round_trip(void)
{
    char line[1024] = "", again[256], text[256];
    struct stress_options copy = options;
    for (size_t i = 0; options_print(table, &options, i, text, sizeof text); i++) {
        strcat(line, text);
        strcat(line, " ");
    }
    options_default(table, &options);
    CHECK(parse(line));
    for (size_t i = 0; options_print(table, &options, i, text, sizeof text); i++) {
        CHECK(options_print(table, &copy, i, again, sizeof again));
        CHECK_TEXT(text, again);
    }
}

TEST(printed)
{
    char text[256];
    options_default(table, &options);
    check_round_trip();
    CHECK(options_print(table, &options, 0, text, sizeof text));
    CHECK_TEXT(text, "seed=0");
    CHECK(options_print(table, &options, 1, text, sizeof text));
    CHECK_TEXT(text, "nonce=0000000000000000");
    CHECK(parse("seed=5 nonce=abc orders=1,2,3,0,0 phases=mixed"));
    check_round_trip();
    CHECK(options_describe(table, 2, text, sizeof text));
    CHECK_TEXT(text, "seconds=15: how long the run lasts");
    CHECK(!options_print(table, &options, OPTIONS, text, sizeof text));
    CHECK(!options_describe(table, OPTIONS, text, sizeof text));
    for (size_t size = 1; size < 12; size++) {
        options_print(table, &options, OPTIONS - 1, text, size);
        CHECK(strlen(text) < size);
    }
}

static void random_word(struct prng *prng, char *word)
{
    static const char *const names[] = {"seed",  "nonce",     "seconds", "ops",  "cpus",
                                        "yield", "allocator", "phases",  "exit", "orders"};
    static const char characters[] = "0123456789abcdefx,-@=Zz all halt";
    size_t length = 0;
    if (prng_below(prng, 8) != 0)
        length = (size_t)sprintf(word, "%s=", names[prng_below(prng, 10)]);
    for (uint64_t more = prng_below(prng, prng_below(prng, 20) == 0 ? 140 : 8); more-- > 0;)
        word[length++] = characters[prng_below(prng, sizeof characters - 1)];
    word[length++] = prng_below(prng, 50) == 0 ? (char)(1 + prng_below(prng, 255)) : ' ';
    word[length] = '\0';
}

TEST(random_lines)
{
    struct prng prng;
    unsigned good = 0;
    prng_seed(&prng, 14, 0);
    for (int turn = 0; turn < 50000; turn++) {
        char line[1024] = "";
        options_default(table, &options);
        for (uint64_t words = prng_below(&prng, 5); words-- > 0;)
            random_word(&prng, line + strlen(line));
        good += parse(line);
        check_round_trip();
    }
    CHECK(good > 5000 && good < 45000);
}
