#include <lib/symbols.h>
#include <stddef.h>
#include <tests/unit/unit.h>

/* A table as ci/symbols makes it: two functions, and the end of the text. */
const uint32_t symbol_count = 2;
const uint32_t symbol_addresses[] = {0x1000, 0x1010, 0x1040};
const uint32_t symbol_names[] = {0, 6};
const char symbol_text[] = "first\0second";

static const char *shown(uint64_t address)
{
    static char text[40];
    return symbol_format(text, sizeof(text), address);
}

static const char *shown_return(uint64_t address)
{
    static char text[40];
    return symbol_format_return(text, sizeof(text), address);
}

TEST(address_is_in_the_function_that_begins_there_or_before)
{
    CHECK_TEXT(shown(0x1000), "first+0x0");
    CHECK_TEXT(shown(0x100f), "first+0xf");
    CHECK_TEXT(shown(0x1010), "second+0x0");
    CHECK_TEXT(shown(0x103f), "second+0x2f");
}

TEST(address_in_no_function_is_a_number)
{
    CHECK_TEXT(shown(0xfff), "0xfff");
    CHECK_TEXT(shown(0x1040), "0x1040");
    CHECK_TEXT(shown_return(0x1000), "0x1000");
}

/* A call that never returns may be the last instruction of a function. */
TEST(return_address_belongs_to_the_call_before_it)
{
    CHECK_TEXT(shown_return(0x1010), "first+0x10");
    CHECK_TEXT(shown_return(0x1011), "second+0x1");
    CHECK_TEXT(shown_return(0x1040), "second+0x30");
}
