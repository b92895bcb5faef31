/* SPDX-License-Identifier: MIT */
/*
 * Counts the bytes of a long operation and reports them at intervals to the callback of
 * the caller.
 */
#include "image/progress.h"

enum { STEP = 1 << 20 }; /* bytes after which it is called again */

static void tell(sfpm_meter_t *meter)
{
    meter->told = meter->done;
    meter->to.callback(meter->to.context, meter->done, meter->total);
}

void sfpm_meter_start(sfpm_meter_t *meter, const sfpm_progress_t *to, uint64_t total)
{
    *meter = (sfpm_meter_t){.to = *to, .total = total};
    if (to->callback)
        tell(meter);
}

void sfpm_meter_add(sfpm_meter_t *meter, uint64_t bytes)
{
    if (!meter || !meter->to.callback)
        return;
    uint64_t rest = meter->total - meter->done;
    meter->done += bytes < rest ? bytes : rest;
    if (meter->done - meter->told >= STEP)
        tell(meter);
}

void sfpm_meter_finish(sfpm_meter_t *meter)
{
    if (!meter || !meter->to.callback)
        return;
    meter->done = meter->total;
    tell(meter);
}
