/* SPDX-License-Identifier: MIT */
/* A program's bytes back to assembly text. */
#ifndef SFPM_VM_DISASSEMBLE_H
#define SFPM_VM_DISASSEMBLE_H

#include "vm/program.h"

typedef struct sfpm_listing {
    const sfpm_program_t *program;
    const uint8_t *globals; /* the region's bytes */
    /* Jumps name their target's label. Only in verified code is each label that a
     * jump means certain to stand before an instruction. */
    bool labels;
} sfpm_listing_t;

/* See sfpm_vm_instruction(). */
size_t sfpm_instruction_text(const sfpm_listing_t *listing, uint64_t offset, char *text,
                             size_t size);

/* See sfpm_vm_disassemble(). */
bool sfpm_disassemble(const sfpm_listing_t *listing, uint64_t from, uint64_t to,
                      sfpm_vm_output_callback_t output, void *context);

#endif
