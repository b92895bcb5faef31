/* SPDX-License-Identifier: MIT */
/* Prints the lists of sfpm/opcode.h as sfpm-bytecode(5) must have them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sfpm/opcode.h>

static void print_types(const char *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf(" %s", types[i] == 'I'   ? "i64"
                      : types[i] == 'i' ? "i32"
                      : types[i] == 'f' ? "f32"
                      : types[i] == 'F' ? "f64"
                      : types[i] == 'p' ? "funcref"
                      : types[i] == 'r' ? "reference"
                      : types[i] == 'c' ? "integer"
                      : types[i] == 't' ? "any"
                                        : "declared");
}

static void print_opcode(unsigned number, const char *mnemonic, const char *operand,
                         const char *signature, const char *meaning)
{
    size_t pops = strcspn(signature, ":");
    size_t pushes = strlen(signature + pops + 1);
    printf(".It Ic %s", mnemonic);
    if (strcmp(operand, "NONE") != 0)
        printf(" Ar ");
    for (const char *c = operand; *c && strcmp(operand, "NONE") != 0; c++)
        putchar(tolower((unsigned char)*c));
    printf(" Pq 0x%02X%s", number, pops + pushes ? " ," : "");
    print_types(signature, pops);
    if (pops + pushes)
        printf(" \\(->");
    print_types(signature + pops + 1, pushes);
    printf("\n%c%s.\n", toupper((unsigned char)meaning[0]), meaning + 1);
}

int main(void)
{
#define OPCODE(number, name, mnemonic, operand, signature, flow, meaning)                \
    print_opcode(number, mnemonic, #operand, signature, meaning);
    SFPM_OPCODES(OPCODE)
#define TRAP(number, name, text) printf(".It Em %s Pq %d\n", text, number);
    SFPM_TRAPS(TRAP)
    return 0;
}
