/* SPDX-License-Identifier: MIT */
/*
 * Statements are made one in another: each leaves the operands below it alone, so that
 * the stack has one shape wherever jumps meet. Many are such as compilers make, since
 * tier 1 has its own ways for those.
 */
#include "vm_typed.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "vm_common.h"
#include "vm_natives.h"

/* Imports are the first functions; then comes the start. */
enum { START = NUM_NATIVES, NUM_FUNCTIONS = NUM_NATIVES + 4 };
enum { MAX_STACK = 40, MAX_LOCALS = 12, NUM_ELEMENTS = NUM_FUNCTIONS + 2 };

typedef struct maker {
    build_t *build;
    uint32_t number;
    char locals[MAX_LOCALS + 1]; /* letters of types; the last two are counters */
    uint32_t num_locals;
    char stack[MAX_STACK + 1];
    uint32_t height;
    uint32_t base; /* operands below are left alone */
    uint32_t depth;
} maker_t;

/* Letters of types: references are in programs of version 3 only. */
static const char letters[] = "iIfFpx";

static uint64_t num_letters(const build_t *build)
{
    return build->program.version < 3 ? 4 : 6;
}

static char random_letter(const build_t *build)
{
    return letters[random_below(num_letters(build))];
}

/* The functions of every program. */
static const char *const signatures[NUM_FUNCTIONS] = {NATIVE_SIGNATURES, ":", "iI:I",
                                                      "F:F", "iFI:iF"};

static void statements(maker_t *m, uint64_t count);

/* ---- Operands ------------------------------------------------------------------ */

static void op(maker_t *m, sfpm_opcode_t opcode, uint64_t operand)
{
    build_code(m->build, opcode, operand);
}

static uint32_t here(const maker_t *m)
{
    return (uint32_t)m->build->code.size;
}

static void push_type(maker_t *m, char type)
{
    m->stack[m->height++] = type;
}

static uint64_t random_bits(char type)
{
    static const double reals[] = {0.0, -0.0, 1.0, -1.5, 2.0, 1e300, 1e-310, 3e9, 0x1p63};
    uint64_t bits;
    double real = reals[random_below(sizeof reals / sizeof reals[0])];
    float narrow = (float)(real > 1e38 ? 7.5 : real);
    uint32_t narrow_bits;
    memcpy(&bits, &real, sizeof bits);
    memcpy(&narrow_bits, &narrow, sizeof narrow_bits);
    if (random_below(8) == 0)
        bits = random_below(UINT64_MAX), narrow_bits = (uint32_t)bits;
    else if (type == 'i' || type == 'I')
        bits = random_below(2) ? random_below(70) : -random_below(5);
    return type == 'f' ? narrow_bits : type == 'i' ? (uint32_t)bits : bits;
}

/* A local of that type that is no counter, or the number of locals. */
static uint32_t find_local(const maker_t *m, char type)
{
    uint32_t usable = m->num_locals - 2;
    uint32_t first = (uint32_t)random_below(usable);
    for (uint32_t i = 0; i < usable; i++)
        if (m->locals[(first + i) % usable] == type)
            return (first + i) % usable;
    return m->num_locals;
}

/* Pushes a value of that type from anywhere. */
static void push(maker_t *m, char type)
{
    uint32_t local = find_local(m, type);
    uint32_t global = (uint32_t)(strchr(letters, type) - letters);
    if (local < m->num_locals && random_below(3))
        op(m, SFPM_OP_LOCAL_GET, local);
    else if (random_below(6) == 0)
        op(m, SFPM_OP_GLOBAL_GET, global);
    else if (type == 'p' && random_below(2))
        op(m, SFPM_OP_REF_FUNC, random_below(NUM_FUNCTIONS));
    else if (type == 'p' || type == 'x')
        op(m, SFPM_OP_REF_NULL, sfpm_type_of_letter(type));
    else
        build_const(m->build, type, random_bits(type));
    push_type(m, type);
}

static void drop(maker_t *m)
{
    op(m, SFPM_OP_DROP, 0);
    m->height--;
}

/* Makes the stack as high as it was before. */
static void drop_to(maker_t *m, uint32_t height)
{
    while (m->height > height) {
        char type = m->stack[m->height - 1];
        uint32_t local = find_local(m, type);
        if (local < m->num_locals && random_below(2)) {
            op(m, random_below(4) ? SFPM_OP_LOCAL_SET : SFPM_OP_LOCAL_TEE, local);
            m->height -= m->build->code.data[here(m) - 3] == SFPM_OP_LOCAL_SET;
        } else if (random_below(8) == 0) {
            op(m, SFPM_OP_GLOBAL_SET, (uint64_t)(strchr(letters, type) - letters));
            m->height--;
        } else {
            drop(m);
        }
    }
}

/* Makes the top of the stack that of a signature, pushing what is not there. */
static void prepare(maker_t *m, const char *types, size_t count)
{
    size_t there = m->height - m->base;
    there = there < count ? there : count;
    while (there > 0 && memcmp(m->stack + m->height - there, types, there) != 0)
        there--;
    if (random_below(4) == 0)
        there = 0;
    for (size_t i = there; i < count; i++)
        push(m, types[i]);
    m->height -= (uint32_t)count;
}

static void push_types(maker_t *m, const char *types)
{
    for (; *types; types++)
        push_type(m, *types);
}

/* ---- Single instructions -------------------------------------------------------- */

static void address(maker_t *m)
{
    if (random_below(8) == 0) {
        prepare(m, "ii", 2);
        op(m, SFPM_OP_I32_ADD, 0);
    } else {
        build_const(m->build, 'i', random_below(400));
    }
}

static void memory_access(maker_t *m, const sfpm_opcode_info_t *info)
{
    const char *colon = strchr(info->signature, ':');
    char type = info->signature[1];
    uint64_t offset = random_below(30) ? random_below(64) : random_below(140000);
    address(m);
    if (colon - info->signature == 2) {
        push(m, type);
        m->height--;
    }
    op(m, (sfpm_opcode_t)info->opcode, offset);
    push_types(m, colon + 1);
}

static void bulk(maker_t *m, sfpm_opcode_t opcode)
{
    uint64_t limit = random_below(30) ? 100 : 70000;
    for (int i = 0; i < 3; i++)
        build_const(m->build, 'i', random_below(limit));
    op(m, opcode, 0);
}

/* Up to three of version 3's tables' numbers and elements, seldom out of bounds. */
static void element(maker_t *m)
{
    build_const(m->build, 'i', random_below(random_below(30) ? 3 : 30));
}

/* An instruction on tables or their segments, or on references. */
static void reference(maker_t *m)
{
    const bool externs = random_below(3) == 0;
    const char type = externs ? 'x' : 'p';
    const uint64_t table = externs ? 1 : 2 * random_below(2);
    switch (random_below(9)) {
    case 0:
        element(m);
        op(m, SFPM_OP_TABLE_GET, table);
        push_type(m, type);
        return;
    case 1:
        element(m);
        push(m, type);
        op(m, SFPM_OP_TABLE_SET, table);
        m->height--;
        return;
    case 2:
        op(m, SFPM_OP_TABLE_SIZE, table);
        push_type(m, 'i');
        return;
    case 3:
        push(m, type);
        element(m);
        op(m, SFPM_OP_TABLE_GROW, table);
        m->stack[m->height - 1] = 'i';
        return;
    case 4:
        element(m);
        push(m, type);
        element(m);
        op(m, SFPM_OP_TABLE_FILL, table);
        m->height--;
        return;
    case 5:
    case 6:
        element(m);
        element(m);
        element(m);
        if (random_below(2))
            op(m, SFPM_OP_TABLE_INIT, table | (uint64_t)(2 + externs) << 32);
        else
            op(m, SFPM_OP_TABLE_COPY,
               table | (externs ? 1 : 2 * random_below(2)) << 32);
        return;
    case 7:
        if (random_below(10) == 0)
            op(m, SFPM_OP_ELEM_DROP, random_below(4));
        return;
    default:
        push(m, type);
        op(m, SFPM_OP_REF_IS_NULL, 0);
        m->stack[m->height - 1] = 'i';
        return;
    }
}

static bool is_division(const sfpm_opcode_info_t *info)
{
    return strstr(info->mnemonic, ".div_") || strstr(info->mnemonic, ".rem_");
}

static void plain(maker_t *m, const sfpm_opcode_info_t *info)
{
    const char *colon = strchr(info->signature, ':');
    if (strpbrk(info->signature, "tc*r"))
        return;
    if (is_division(info) && random_below(8)) {
        prepare(m, info->signature, 1);
        build_const(m->build, info->signature[1], 1 + random_below(9));
    } else {
        prepare(m, info->signature, (size_t)(colon - info->signature));
    }
    op(m, (sfpm_opcode_t)info->opcode, info->width ? random_below(1) : 0);
    push_types(m, colon + 1);
}

static void any_instruction(maker_t *m)
{
    const sfpm_opcode_info_t *info = sfpm_opcode_info((uint8_t)random_below(256));
    if (!info || info->flow != SFPM_FLOW_NEXT || m->height > MAX_STACK - 8 ||
        info->version > m->build->program.version)
        return;
    switch ((sfpm_opcode_t)info->opcode) {
    case SFPM_OP_MEMORY_INIT:
    case SFPM_OP_MEMORY_COPY:
    case SFPM_OP_MEMORY_FILL:
        bulk(m, (sfpm_opcode_t)info->opcode);
        return;
    case SFPM_OP_MEMORY_GROW:
        build_const(m->build, 'i', random_below(3));
        op(m, SFPM_OP_MEMORY_GROW, 0);
        push_type(m, 'i');
        return;
    case SFPM_OP_DATA_DROP:
        if (random_below(20) == 0)
            op(m, SFPM_OP_DATA_DROP, 0);
        return;
    default:
        break;
    }
    if (info->operand == SFPM_OPERAND_OFFSET)
        memory_access(m, info);
    else if (info->operand == SFPM_OPERAND_NONE)
        plain(m, info);
    else if (info->operand == SFPM_OPERAND_U8)
        op(m, SFPM_OP_PUSH, random_below(256)), push_type(m, 'I');
}

static void shuffle(maker_t *m)
{
    char type = random_letter(m->build);
    uint32_t height = m->height;
    switch (random_below(4)) {
    case 0:
        push(m, type);
        op(m, SFPM_OP_DUP, 0);
        push_type(m, type);
        break;
    case 1:
        push(m, type);
        push(m, type);
        push(m, random_below(2) ? 'i' : 'I');
        op(m, SFPM_OP_SELECT, 0);
        m->height -= 2;
        break;
    case 2:
        op(m, SFPM_OP_NOP, 0);
        break;
    default: {
        uint32_t drop_count = (uint32_t)random_below(4), keep = (uint32_t)random_below(6);
        for (uint32_t i = 0; i < drop_count + keep; i++)
            push(m, random_letter(m->build));
        op(m, SFPM_OP_UNWIND, keep | drop_count << 16);
        memmove(m->stack + height, m->stack + height + drop_count, keep);
        m->height -= drop_count;
    }
    }
}

/* ---- Sequences that compilers make ---------------------------------------------- */

static sfpm_opcode_t pick(const sfpm_opcode_t *list, size_t count)
{
    return list[random_below(count)];
}
#define PICK(...)                                                                        \
    pick((const sfpm_opcode_t[]){__VA_ARGS__},                                           \
         sizeof((const sfpm_opcode_t[]){__VA_ARGS__}) / sizeof(sfpm_opcode_t))

/* An operation on a constant, in another one; of two widths. */
static void pair(maker_t *m)
{
    bool wide = random_below(2);
    char type = wide ? 'I' : 'i';
    push(m, type);
    push(m, type);
    build_const(m->build, type, random_below(2) ? random_below(40) : -random_below(3));
    op(m,
       wide ? PICK(SFPM_OP_I64_SHL, SFPM_OP_I64_SHR_U, SFPM_OP_I64_MUL)
            : PICK(SFPM_OP_I32_SHL, SFPM_OP_I32_SHR_U, SFPM_OP_I32_MUL),
       0);
    if (random_below(3) == 0) {
        uint32_t local = find_local(m, type);
        if (local < m->num_locals) {
            op(m, SFPM_OP_LOCAL_GET, local);
            push_type(m, type);
        }
    }
    op(m,
       wide ? PICK(SFPM_OP_I64_ADD, SFPM_OP_I64_SUB, SFPM_OP_I64_AND, SFPM_OP_I64_OR,
                   SFPM_OP_I64_XOR)
            : PICK(SFPM_OP_I32_ADD, SFPM_OP_I32_SUB, SFPM_OP_I32_AND, SFPM_OP_I32_OR,
                   SFPM_OP_I32_XOR),
       0);
    m->height--;
}

/* Sums of products, and operations on what is loaded. */
static void product(maker_t *m)
{
    push(m, 'F');
    if (random_below(2)) {
        push(m, 'F');
        push(m, 'F');
        op(m, SFPM_OP_F64_MUL, 0);
        m->height--;
    } else {
        push(m, 'i');
        build_const(m->build, 'i', 255);
        op(m, SFPM_OP_I32_AND, 0);
        op(m, SFPM_OP_F64_LOAD, random_below(64));
        m->stack[m->height - 1] = 'F';
    }
    op(m, PICK(SFPM_OP_F64_ADD, SFPM_OP_F64_SUB, SFPM_OP_F64_MUL), 0);
    m->height--;
}

static void print(maker_t *m)
{
    push(m, 'I');
    op(m, random_below(2) ? SFPM_OP_PRINT : SFPM_OP_PRINT_CHAR, 0);
    m->height -= m->build->code.data[here(m) - 1] == SFPM_OP_PRINT_CHAR;
}

/* ---- Control --------------------------------------------------------------------- */

/* A jump whose target is set later: where to set it. */
static uint32_t jump(maker_t *m, sfpm_opcode_t opcode)
{
    op(m, opcode, 0);
    return here(m) - 4;
}

static void land(maker_t *m, uint32_t at)
{
    sfpm_put_u32(m->build->code.data + at, here(m));
}

static void condition(maker_t *m)
{
    static const char *const types[] = {"ii", "II", "FF", "ff"};
    const sfpm_opcode_info_t *info;
    const char *pair_type = types[random_below(4)];
    if (random_below(4) == 0) {
        push(m, random_below(2) ? 'i' : 'I');
        m->height--;
        return;
    }
    do {
        info = sfpm_opcode_info((uint8_t)(SFPM_OP_I32_EQ + random_below(33)));
    } while (!info || strncmp(info->signature, pair_type, 2) != 0);
    push(m, pair_type[0]);
    push(m, pair_type[0]);
    op(m, (sfpm_opcode_t)info->opcode, 0);
    m->height -= 2;
    if (random_below(6) == 0)
        op(m, SFPM_OP_I32_EQZ, 0);
}

static void choice(maker_t *m)
{
    uint32_t height = m->height;
    condition(m);
    uint32_t other = jump(m, random_below(2) ? SFPM_OP_BR_UNLESS : SFPM_OP_BR_IF);
    statements(m, random_below(4));
    drop_to(m, height);
    if (random_below(2)) {
        uint32_t end = jump(m, SFPM_OP_BR);
        land(m, other);
        statements(m, random_below(4));
        drop_to(m, height);
        land(m, end);
    } else {
        land(m, other);
    }
}

static void table(maker_t *m)
{
    uint32_t height = m->height, count = (uint32_t)random_below(4);
    uint32_t ends[4];
    push(m, 'i');
    m->height--;
    op(m, SFPM_OP_BR_TABLE, count);
    uint32_t targets = here(m);
    for (uint32_t i = 0; i <= count; i++)
        build_u32(m->build, 0);
    for (uint32_t i = 0; i <= count; i++) {
        land(m, targets + 4 * i);
        statements(m, random_below(3));
        drop_to(m, height);
        ends[i] = jump(m, SFPM_OP_BR);
    }
    for (uint32_t i = 0; i <= count; i++)
        land(m, ends[i]);
}

/* A counter goes up or down by some steps, the ways compilers let it. */
static void loop(maker_t *m)
{
    bool wide = m->depth % 2;
    uint32_t counter = m->num_locals - 1 - wide, height = m->height;
    char type = wide ? 'I' : 'i';
    bool down = random_below(2);
    uint64_t step = 1 + random_below(3), bound = step * (1 + random_below(5));
    if (m->depth > 2)
        return;
    build_const(m->build, type, down ? bound : 0);
    op(m, SFPM_OP_LOCAL_SET, counter);
    uint32_t start = here(m);
    m->depth++;
    statements(m, random_below(4));
    m->depth--;
    drop_to(m, height);
    op(m, SFPM_OP_LOCAL_GET, counter);
    build_const(m->build, type, step);
    op(m,
       wide ? (down ? SFPM_OP_I64_SUB : SFPM_OP_I64_ADD)
            : (down ? SFPM_OP_I32_SUB : SFPM_OP_I32_ADD),
       0);
    if (random_below(2)) {
        op(m, SFPM_OP_LOCAL_TEE, counter);
    } else {
        op(m, SFPM_OP_LOCAL_SET, counter);
        op(m, SFPM_OP_LOCAL_GET, counter);
    }
    if (!down) {
        build_const(m->build, type, bound);
        op(m,
           wide ? PICK(SFPM_OP_I64_LT_S, SFPM_OP_I64_LT_U, SFPM_OP_I64_NE)
                : PICK(SFPM_OP_I32_LT_S, SFPM_OP_I32_LT_U, SFPM_OP_I32_NE),
           0);
    }
    op(m, SFPM_OP_BR_IF, start);
}

static void call(maker_t *m)
{
    uint32_t callee = (uint32_t)random_below(NUM_FUNCTIONS - 1);
    callee += callee >= START;
    const char *signature = signatures[callee];
    size_t params = (size_t)(strchr(signature, ':') - signature);
    prepare(m, signature, params);
    if (random_below(4) == 0) {
        build_const(m->build, 'i',
                    random_below(8) ? callee : random_below(NUM_ELEMENTS + 2));
        uint64_t type = m->build->functions[callee].type +
                        random_below(2) * (m->build->program.num_types / 2);
        if (m->build->program.version < 3 || random_below(2))
            op(m, SFPM_OP_CALL_INDIRECT, type);
        else
            op(m, SFPM_OP_TABLE_CALL, 2 * random_below(2) | type << 32);
    } else {
        op(m, SFPM_OP_CALL, callee);
    }
    push_types(m, signature + params + 1);
}

static void leave(maker_t *m)
{
    const char *results = strchr(signatures[m->number], ':') + 1;
    uint32_t height = m->height, base = m->base;
    condition(m);
    m->base = height;
    uint32_t over = jump(m, SFPM_OP_BR_UNLESS);
    if (random_below(12) == 0) {
        op(m, random_below(2) ? SFPM_OP_HALT : SFPM_OP_UNREACHABLE, 0);
    } else {
        prepare(m, results, strlen(results));
        op(m, SFPM_OP_RETURN, 0);
    }
    m->height = height;
    m->base = base;
    land(m, over);
}

static void statement(maker_t *m)
{
    if (m->build->program.version > 2 && random_below(5) == 0) {
        reference(m);
        return;
    }
    switch (random_below(18)) {
    case 0:
        choice(m);
        return;
    case 1:
    case 2:
        loop(m);
        return;
    case 9:
    case 10:
        call(m);
        return;
    case 3:
        table(m);
        return;
    case 4:
        pair(m);
        return;
    case 5:
        product(m);
        return;
    case 6:
        shuffle(m);
        return;
    case 7:
        if (random_below(4) == 0)
            leave(m);
        else if (random_below(2))
            print(m);
        return;
    case 8:
        drop_to(m, m->height - (m->height > m->base));
        return;
    default:
        any_instruction(m);
        return;
    }
}

static void statements(maker_t *m, uint64_t count)
{
    uint32_t height = m->height, base = m->base;
    m->base = height;
    for (; count > 0; count--) {
        if (m->height < MAX_STACK - 12 && here(m) < 4000)
            statement(m);
        else
            drop_to(m, height);
    }
    m->base = base;
}

/* ---- Programs --------------------------------------------------------------------- */

static void make_function(build_t *build, uint32_t number)
{
    static uint8_t local_types[NUM_FUNCTIONS][MAX_LOCALS];
    maker_t m = {.build = build, .number = number};
    const char *colon = strchr(signatures[number], ':');
    const size_t params = (size_t)(colon - signatures[number]);
    char locals[MAX_LOCALS + 1] = "FIi";
    for (size_t i = 3 + random_below(4); i > 3; i--)
        strcat(locals, (char[]){random_letter(build), 0});
    strcat(locals, "Ii");
    build->functions[number].entry = here(&m);
    build->functions[number].locals = (uint16_t)strlen(locals);
    build->functions[number].local_types = local_types[number];
    for (size_t i = 0; locals[i]; i++)
        local_types[number][i] = sfpm_type_of_letter(locals[i]);
    memcpy(m.locals, signatures[number], params);
    strcpy(m.locals + params, locals);
    m.num_locals = (uint32_t)strlen(m.locals);
    statements(&m, 2 + random_below(16));
    prepare(&m, colon + 1, strlen(colon + 1));
    op(&m, random_below(20) || number != START ? SFPM_OP_RETURN : SFPM_OP_HALT, 0);
}

/* Tables 0 and 2 of functions, 1 of the host's references, and segments 2 and 3 to
 * initialise them with. */
static void make_tables(build_t *build)
{
    uint64_t values[NUM_ELEMENTS];
    for (uint64_t i = 0; i < NUM_ELEMENTS; i++)
        values[i] = i < NUM_FUNCTIONS ? i : SFPM_NULL_REFERENCE;
    const sfpm_element_segment_t segments[] = {
        {.size = NUM_ELEMENTS, .type = SFPM_TYPE_FUNCREF, .is_active = true},
        {.size = 4, .table = 2, .first = 1, .type = SFPM_TYPE_FUNCREF, .is_active = true},
        {.size = NUM_ELEMENTS, .type = SFPM_TYPE_FUNCREF},
        {.size = 3, .type = SFPM_TYPE_EXTERNREF}};
    build_table(build, 'p', NUM_ELEMENTS, NUM_ELEMENTS + (uint32_t)random_below(6));
    build_table(build, 'x', 3, SFPM_NO_MOST);
    build_table(build, 'p', NUM_ELEMENTS, SFPM_NO_MOST);
    for (size_t i = 0; i < 4; i++) {
        sfpm_element_segment_t segment = segments[i];
        segment.values = build_slots(values, segment.size);
        build_elements(build, &segment);
    }
    build_global(build, 'p', true, random_below(NUM_FUNCTIONS));
    build_global(build, 'x', true, SFPM_NULL_REFERENCE - random_below(2));
}

void random_typed_program(build_t *build)
{
    static const uint8_t bytes[] = "some data";
    build_start(build);
    build->program.min_pages = random_below(16) > 0;
    build->program.max_pages = 3;
    build->program.num_segments = 1;
    build->segments[0] = (sfpm_segment_t){.bytes = bytes, .size = sizeof bytes};
    for (int i = 0; i < 4; i++)
        build_global(build, letters[i], true, random_bits(letters[i]));
    if (random_below(2)) {
        make_tables(build);
    } else {
        build->program.num_elements = NUM_ELEMENTS;
        for (uint32_t i = 0; i < NUM_ELEMENTS; i++)
            build->elements[i] = i < NUM_FUNCTIONS ? i : SFPM_NO_FUNCTION;
    }
    import_natives(build);
    for (uint32_t i = START; i < NUM_FUNCTIONS; i++)
        build_function(build, signatures[i], "");
    /* Each type once more, under another number. */
    memcpy(build->types + build->program.num_types, build->types,
           build->program.num_types * sizeof build->types[0]);
    build->program.num_types *= 2;
    for (uint32_t i = START; i < NUM_FUNCTIONS; i++)
        make_function(build, i);
}
