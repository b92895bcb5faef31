/* SPDX-License-Identifier: MIT */
/* Programs for tests, put together piece by piece without the assembler. */
#ifndef SFPM_TESTS_VM_BUILD_H
#define SFPM_TESTS_VM_BUILD_H

#include "bytecode/program.h"

enum { BUILD_MAX = 16 };

/* A program in the making: set what is needed, add code, then build_regions(). Functions
 * have counts and types from `types`; entries are set by build_function(). */
typedef struct build {
    sfpm_program_t program;
    sfpm_function_type_t types[BUILD_MAX];
    sfpm_function_t functions[BUILD_MAX];
    sfpm_global_t globals[BUILD_MAX];
    uint64_t global_values[BUILD_MAX];
    sfpm_export_t exports[BUILD_MAX];
    sfpm_segment_t segments[BUILD_MAX];
    uint32_t elements[BUILD_MAX]; /* of the table of version 2 */
    sfpm_table_t tables[BUILD_MAX];
    sfpm_element_segment_t element_segments[BUILD_MAX];
    sfpm_buffer_t code;
} build_t;

/* Begins a program of version 2, without memory. */
void build_start(build_t *build);

/* Adds things of version 3. */
void build_table(build_t *build, char type, uint32_t least, uint32_t most);
void build_elements(build_t *build, const sfpm_element_segment_t *segment);

/* The slots of a segment, which live as long as the process. */
const uint8_t *build_slots(const uint64_t *values, size_t count);

/* The number of the type written as a signature, such as "iI:F". */
uint32_t build_type(build_t *build, const char *signature);

/* Imports come before functions. Locals are letters of types. */
uint32_t build_import(build_t *build, const char *signature, const char *module,
                      const char *field);
uint32_t build_function(build_t *build, const char *signature, const char *locals);
uint32_t build_global(build_t *build, char type, bool is_mutable, uint64_t value);

/* An instruction without br_table's targets; unwind's operand is keep | drop << 16. */
void build_code(build_t *build, sfpm_opcode_t opcode, uint64_t operand);
void build_u32(build_t *build, uint32_t value);

/* A constant of the type. */
void build_const(build_t *build, char type, uint64_t value);

/* The regions of a machine before its first instruction; frees what `build` took. */
void build_regions(build_t *build, sfpm_regions_t *regions);

/* Builds the regions and a machine of them, not verified. */
sfpm_vm_t *build_vm(build_t *build);

#endif
