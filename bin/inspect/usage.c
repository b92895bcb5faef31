/* SPDX-License-Identifier: MIT */
/* Shows how much of each commit is no longer needed. */
#include <stdlib.h>

#include "common/tool.h"
#include "inspect/view.h"

static void note_usage(void *context, uint64_t commit, uint64_t unused, uint64_t torn)
{
    view_t *view = context;
    if (view->num_usage == view->max_usage) {
        size_t room = view->max_usage ? 2 * view->max_usage : 64;
        usage_t *usage = realloc(view->usage, room * sizeof *usage);
        if (!usage)
            return;
        view->usage = usage;
        view->max_usage = room;
    }
    view->usage[view->num_usage++] = (usage_t){commit, unused, torn};
}

bool view_load_usage(view_t *view)
{
    view->num_usage = 0;
    if (sfpm_image_usage(view->file.image, note_usage, view))
        return true;
    if (tool_met_failure())
        view_note_damage(view);
    return false;
}

/* Commits come newest first, each number once. */
const usage_t *view_usage(const view_t *view, uint64_t commit)
{
    if (view->num_usage == 0 || view->usage[0].commit < commit)
        return NULL;
    uint64_t at = view->usage[0].commit - commit;
    return at < view->num_usage ? &view->usage[at] : NULL;
}
