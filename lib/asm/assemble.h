/* SPDX-License-Identifier: MIT */
/* Assembly text to the regions of a program; sfpm-bytecode(5) has the language. */
#ifndef SFPM_ASM_ASSEMBLE_H
#define SFPM_ASM_ASSEMBLE_H

#include "asm/faults.h"
#include "bytecode/program.h"

/* Where an instruction stands in the text. */
typedef struct sfpm_source_place {
    uint32_t offset; /* in the code */
    uint32_t line;
    uint32_t column;
} sfpm_source_place_t;

typedef struct sfpm_assembly {
    sfpm_regions_t regions; /* code, functions, globals and symbols */
    sfpm_source_place_t *places;
    size_t num_places;
    size_t place_capacity;
} sfpm_assembly_t;

/* Faults in the text go to `faults` and leave the regions unfinished; false is for
 * everything else, such as lack of memory. */
bool sfpm_assemble(sfpm_assembly_t *assembly, const char *text, size_t size,
                   const char *file, sfpm_faults_t *faults);

/* Instructions alone, for a program that is there already and whose names they use: region
 * `code` and the places are made. */
bool sfpm_assemble_code(sfpm_assembly_t *assembly, const sfpm_program_t *program,
                        const char *text, size_t size, sfpm_faults_t *faults);

void sfpm_assembly_free(sfpm_assembly_t *assembly);

/* The last place at or before a code offset, NULL when there is none. */
const sfpm_source_place_t *sfpm_source_at(const sfpm_assembly_t *assembly,
                                          uint32_t offset);

#endif
