#include <lib/fail.h>

const char *rule_name(enum rule rule)
{
    static const char *const titles[] = {
        [RULE_NONE] = "none",
#define RULE(name, title, ...) [RULE_##name] = title,
#include <lib/rules.def>
    };

    return titles[rule];
}
