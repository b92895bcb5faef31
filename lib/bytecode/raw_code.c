/* SPDX-License-Identifier: MIT */
/* Makes a program of bare code, as `sfpm-save --raw` reads it and the original machine has
 * it: one function, `main`. */
#include "bytecode/raw_code.h"

#include "bytecode/instruction.h"
#include "bytecode/program.h"

/* The first version of bytecode that has all of the instructions. */
static uint32_t needed_version(const uint8_t *code, size_t size)
{
    sfpm_instruction_t instruction;
    uint32_t version = 1;
    for (size_t at = 0; at < size; at += instruction.length) {
        bool complete = sfpm_instruction_read(code, size, at, &instruction);
        if (instruction.info && instruction.info->version > version)
            version = instruction.info->version;
        if (!complete)
            break;
    }
    return version;
}

/* The oldest version that will do, so that older readers can run it. */
static bool encode_main(sfpm_regions_t *regions, const uint8_t *code, size_t size)
{
    sfpm_function_type_t type = {0};
    sfpm_function_t function = {.name = "main"};
    const sfpm_program_t program = {.types = &type,
                                    .version = needed_version(code, size),
                                    .num_types = 1,
                                    .functions = &function,
                                    .num_functions = 1,
                                    .max_pages = SFPM_NO_MEMORY};
    return program.version > 1
               ? sfpm_tables_encode(regions, &program)
               : sfpm_functions_encode(&regions->region[SFPM_FUNCTIONS], &function, 1, 0);
}

bool sfpm_regions_of_code(sfpm_regions_t *regions, const uint8_t *code, size_t size)
{
    sfpm_symbol_t symbol = {SFPM_SYMBOL_FUNCTION, 0, "main"};
    return sfpm_buffer_add(&regions->region[SFPM_CODE], code, size) &&
           encode_main(regions, code, size) &&
           sfpm_symbols_encode(&regions->region[SFPM_SYMBOLS], &symbol, 1, NULL, 0, NULL);
}
