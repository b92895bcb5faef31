/* SPDX-License-Identifier: MIT */
/* Makes a program of bare code, as `sfpm-save --raw` reads it and the original machine has
 * it: one function, `main`. */
#include "bytecode/raw_code.h"

#include "bytecode/instruction.h"
#include "bytecode/program.h"

/* Whether bytecode of version 1 does not have all of the instructions. */
static bool needs_version2(const uint8_t *code, size_t size)
{
    sfpm_instruction_t instruction;
    for (size_t at = 0; at < size; at += instruction.length) {
        if (!sfpm_instruction_read(code, size, at, &instruction))
            return instruction.info && !sfpm_is_version1(code[at]);
        if (!sfpm_is_version1(code[at]))
            return true;
    }
    return false;
}

/* The oldest version that will do, so that older readers can run it. */
static bool encode_main(sfpm_buffer_t *buffer, const uint8_t *code, size_t size)
{
    sfpm_function_type_t type = {0};
    sfpm_function_t function = {.name = "main"};
    const sfpm_program_t program = {.types = &type,
                                    .num_types = 1,
                                    .functions = &function,
                                    .num_functions = 1,
                                    .max_pages = SFPM_NO_MEMORY};
    return needs_version2(code, size) ? sfpm_tables_encode(buffer, &program)
                                      : sfpm_functions_encode(buffer, &function, 1, 0);
}

bool sfpm_regions_of_code(sfpm_regions_t *regions, const uint8_t *code, size_t size)
{
    sfpm_symbol_t symbol = {SFPM_SYMBOL_FUNCTION, 0, "main"};
    return sfpm_buffer_add(&regions->region[SFPM_CODE], code, size) &&
           encode_main(&regions->region[SFPM_FUNCTIONS], code, size) &&
           sfpm_symbols_encode(&regions->region[SFPM_SYMBOLS], &symbol, 1, NULL, 0, NULL);
}
