#include <stress/failure.h>
#include <stress/report.h>
#include <stress/sinks.h>
#include <stress/traps.h>

static const struct sinks sinks = {
    .fail = failure_take,
    .log = report_log,
    .exception = traps_exception,
    .nmi = traps_nmi,
};

void stress_set_sinks(void)
{
    sinks_set(&sinks);
}
