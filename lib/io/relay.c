/* SPDX-License-Identifier: MIT */
/*
 * Passes an input on to an output unchanged, without copying where the kernel can do
 * that, and by copying otherwise.
 */
#include "io/relay.h"

#include <stdlib.h>

#include "base/memory.h"
#include "io/file.h"

enum { STEP = 1 << 20, HAND_OVER_MIN = 128 << 10 };

typedef struct passage {
    const sfpm_input_t *input;
    sfpm_output_t *output;
    uint64_t at; /* how far it has come */
    sfpm_tell_t tell;
    void *context;
} passage_t;

static void advance(passage_t *passage, size_t size)
{
    passage->at += size;
    passage->tell(passage->context, size);
}

/* The bytes of the next step. */
static size_t next_step(const passage_t *passage)
{
    uint64_t left = sfpm_input_size(passage->input) - passage->at;
    return left < STEP ? (size_t)left : STEP;
}

static bool copy_rest(passage_t *passage)
{
    size_t size;
    uint8_t *bytes = sfpm_new_block(next_step(passage));
    bool ok = bytes != NULL;
    while (ok && (size = next_step(passage)) > 0) {
        ok = sfpm_input_read(passage->input, passage->at, bytes, size) &&
             sfpm_output_write(passage->output, bytes, size);
        advance(passage, size);
    }
    free(bytes);
    return ok;
}

/* Hands over what the system takes; the rest is left to be copied. So is a file that
 * became shorter: copying reports it. */
static bool hand_over(passage_t *passage)
{
    sfpm_pages_t pages;
    int pipe = -1;
    if (sfpm_input_size(passage->input) >= HAND_OVER_MIN &&
        sfpm_input_pages(passage->input, &pages))
        pipe = sfpm_output_pipe(passage->output);
    if (pipe < 0)
        return true;
    sfpm_file_widen_pipe(pipe);
    for (size_t size, done = 1; done > 0 && (size = next_step(passage)) > 0;) {
        uint64_t at = passage->at;
        int error = pages.bytes
                        ? sfpm_file_lend(pipe, pages.bytes + at, size, &done)
                        : sfpm_file_splice(pages.fd, pages.start + at, pipe, size, &done);
        if (!sfpm_output_passed(passage->output, done, error))
            return false;
        advance(passage, done);
    }
    return true;
}

bool sfpm_pass(const sfpm_input_t *input, sfpm_output_t *output, sfpm_tell_t tell,
               void *context)
{
    passage_t passage = {input, output, 0, tell, context};
    return hand_over(&passage) && (next_step(&passage) == 0 || copy_rest(&passage));
}
