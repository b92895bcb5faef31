/* SPDX-License-Identifier: MIT */
/* A program's bytes back to assembly text. */
#ifndef SFPM_ASM_DISASSEMBLE_H
#define SFPM_ASM_DISASSEMBLE_H

#include "base/error.h"
#include "bytecode/program.h"

typedef struct sfpm_listing {
    const sfpm_program_t *program;
    const uint8_t *globals; /* the region's bytes */
    const uint8_t *table;   /* the region's bytes; NULL: not the size that it has to be */
    /* Jumps name their target's label. Only in verified code is each label that a
     * jump means certain to stand before an instruction. */
    bool labels;
} sfpm_listing_t;

/* Where text goes. After a failure, nothing more is written. */
typedef struct sfpm_writer {
    sfpm_vm_output_callback_t output;
    void *context;
    size_t column; /* characters since the last line's end */
    bool failed;
} sfpm_writer_t;

void sfpm_write(sfpm_writer_t *writer, const char *format, ...) SFPM_PRINTF(2, 3);

/* `i64 i64 -> i64`, with a space before each part. */
void sfpm_write_signature(sfpm_writer_t *writer, const uint8_t *params,
                          uint32_t num_params, const uint8_t *results,
                          uint32_t num_results);

/* A value as it is in a slot. */
void sfpm_write_value(sfpm_writer_t *writer, uint8_t type, uint64_t value);

/* All that stands before the code. */
void sfpm_write_tables(sfpm_writer_t *writer, const sfpm_listing_t *listing);

/* The first type that is the same, and so what a signature means; SFPM_NO_LIKE when it is
 * to be written as a number. */
#define SFPM_NO_LIKE UINT32_MAX
uint32_t sfpm_first_like(const sfpm_program_t *program, uint32_t type);

/* See sfpm_vm_instruction(). */
size_t sfpm_instruction_text(const sfpm_listing_t *listing, uint64_t offset, char *text,
                             size_t size);

/* See sfpm_vm_disassemble(). */
bool sfpm_disassemble(const sfpm_listing_t *listing, uint64_t from, uint64_t to,
                      sfpm_vm_output_callback_t output, void *context);

#endif
