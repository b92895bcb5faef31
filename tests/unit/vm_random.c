/* SPDX-License-Identifier: MIT */
#include "vm_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/frames.h"
#include "bytecode/instruction.h"

enum { MAX_FUNCTIONS = 6, MAX_POINTS = 64, MAX_NAMES = 64 };

/* Places in the function being made where the stack has a known height, and jumps
 * that still need such a place. */
typedef struct sfpm_points {
    uint32_t at[MAX_POINTS];
    uint32_t height[MAX_POINTS];
    uint32_t count;
} sfpm_points_t;

typedef struct sfpm_maker {
    sfpm_buffer_t *code;
    sfpm_function_t functions[MAX_FUNCTIONS];
    uint32_t num_functions;
    uint32_t num_globals;
    const sfpm_function_t *function;
    uint32_t height;
    sfpm_points_t backward;
    sfpm_points_t forward;
} sfpm_maker_t;

static void remember(sfpm_points_t *points, uint32_t at, uint32_t height)
{
    if (points->count == MAX_POINTS)
        return;
    points->at[points->count] = at;
    points->height[points->count++] = height;
}

static void add_bytes(sfpm_maker_t *maker, const void *bytes, size_t size)
{
    if (!sfpm_buffer_add(maker->code, bytes, size))
        abort();
}

static void add_opcode(sfpm_maker_t *maker, const sfpm_opcode_info_t *info,
                       uint64_t operand)
{
    uint8_t bytes[8];
    sfpm_put_u64(bytes, operand);
    add_bytes(maker, &info->opcode, 1);
    add_bytes(maker, bytes, info->width);
}

/* A jump back to a place of that height, or one that is still to be made. */
static void add_jump(sfpm_maker_t *maker, const sfpm_opcode_info_t *info)
{
    uint32_t start = (uint32_t)random_below(MAX_POINTS);
    uint32_t count = maker->backward.count;
    add_opcode(maker, info, 0);
    uint8_t *target = maker->code->data + maker->code->size - 4;
    for (uint32_t i = 0; i < count && random_below(2); i++) {
        uint32_t point = (start + i) % count;
        if (maker->backward.height[point] == maker->height) {
            sfpm_put_u32(target, maker->backward.at[point]);
            return;
        }
    }
    if (maker->forward.count < MAX_POINTS)
        remember(&maker->forward, (uint32_t)maker->code->size - 4, maker->height);
    else /* to itself is as good */
        sfpm_put_u32(target, maker->backward.at[0]), maker->height = 0;
}

/* Jumps that wait for a place of this height may come here. */
static void land_jumps(sfpm_maker_t *maker, bool all)
{
    sfpm_points_t *forward = &maker->forward;
    for (uint32_t i = 0; i < forward->count;) {
        if (forward->height[i] != maker->height || (!all && random_below(2))) {
            i++;
            continue;
        }
        sfpm_put_u32(maker->code->data + forward->at[i], (uint32_t)maker->code->size);
        forward->count--;
        forward->at[i] = forward->at[forward->count];
        forward->height[i] = forward->height[forward->count];
    }
}

static uint64_t random_operand(const sfpm_maker_t *maker, uint8_t operand)
{
    uint32_t locals = (uint32_t)maker->function->params + maker->function->locals;
    switch ((sfpm_operand_t)operand) {
    case SFPM_OPERAND_U8:
        return random_below(256);
    case SFPM_OPERAND_I64:
        return random_below(2) ? random_below(UINT64_MAX) : -random_below(10);
    case SFPM_OPERAND_LOCAL:
        return locals ? random_below(locals) : UINT64_MAX;
    case SFPM_OPERAND_GLOBAL:
        return maker->num_globals ? random_below(maker->num_globals) : UINT64_MAX;
    case SFPM_OPERAND_FUNCTION:
        return random_below(maker->num_functions);
    case SFPM_OPERAND_NONE:
    case SFPM_OPERAND_TARGET:
    default:
        break;
    }
    return 0;
}

static void effect(const sfpm_maker_t *maker, const sfpm_opcode_info_t *info,
                   uint64_t operand, uint32_t *pops, uint32_t *pushes)
{
    const char *colon = strchr(info->signature, ':');
    *pops = (uint32_t)(colon - info->signature);
    *pushes = (uint32_t)strlen(colon + 1);
    if (info->opcode == SFPM_OP_CALL) {
        *pops = maker->functions[operand].params;
        *pushes = maker->functions[operand].results;
    }
}

static void add_random(sfpm_maker_t *maker)
{
    const sfpm_opcode_info_t *info = sfpm_opcode_info((uint8_t)random_below(256));
    uint32_t pops, pushes;
    if (!info || !sfpm_is_version1(info->opcode) || info->flow == SFPM_FLOW_STOP || info->flow == SFPM_FLOW_JUMP)
        return;
    uint64_t operand = random_operand(maker, info->operand);
    if (info->width && operand == UINT64_MAX)
        return;
    effect(maker, info, operand, &pops, &pushes);
    if (maker->height < pops || maker->height - pops + pushes > 40)
        return;
    remember(&maker->backward, (uint32_t)maker->code->size, maker->height);
    maker->height = maker->height - pops + pushes;
    if (info->operand == SFPM_OPERAND_TARGET)
        add_jump(maker, info);
    else
        add_opcode(maker, info, operand);
}

static void add_height(sfpm_maker_t *maker, uint32_t height)
{
    for (; maker->height < height; maker->height++)
        add_opcode(maker, sfpm_opcode_info(SFPM_OP_PUSH), maker->height);
}

/* Ends the function, then gives each waiting jump an instruction of its own. */
static void finish_function(sfpm_maker_t *maker)
{
    bool returns = random_below(4) != 0;
    if (returns)
        add_height(maker, maker->function->results);
    add_opcode(maker, sfpm_opcode_info(returns ? SFPM_OP_RETURN : SFPM_OP_HALT), 0);
    if (random_below(4) == 0) /* nothing leads here */
        add_opcode(maker, sfpm_opcode_info(SFPM_OP_DROP), 0);
    while (maker->forward.count > 0) {
        maker->height = maker->forward.height[0];
        land_jumps(maker, true);
        add_opcode(maker, sfpm_opcode_info(SFPM_OP_UNREACHABLE), 0);
    }
}

static void make_function(sfpm_maker_t *maker, uint32_t index)
{
    maker->function = &maker->functions[index];
    maker->functions[index].entry = (uint32_t)maker->code->size;
    maker->height = 0;
    maker->backward.count = 0;
    maker->forward.count = 0;
    remember(&maker->backward, (uint32_t)maker->code->size, 0);
    for (uint64_t left = random_below(120); left > 0; left--) {
        land_jumps(maker, false);
        if (random_below(3) == 0)
            add_height(maker, maker->height + 1);
        add_random(maker);
    }
    finish_function(maker);
}

/* Names for functions, globals and instructions, or for none of them. */
static void add_symbols(const sfpm_maker_t *maker, sfpm_buffer_t *symbols)
{
    static char names[MAX_NAMES][16];
    sfpm_symbol_t list[MAX_NAMES];
    size_t count = 0;
    for (uint32_t i = 0; i < maker->num_functions; i++)
        if (random_below(3))
            list[count++] = (sfpm_symbol_t){SFPM_SYMBOL_FUNCTION, i, NULL};
    for (uint32_t i = 0; i < maker->num_globals; i++)
        if (random_below(3))
            list[count++] = (sfpm_symbol_t){SFPM_SYMBOL_GLOBAL, i, NULL};
    for (uint32_t i = 0; i < maker->backward.count && random_below(8); i++)
        list[count++] =
            (sfpm_symbol_t){SFPM_SYMBOL_LABEL, maker->backward.at[i % 24], NULL};
    count = count < MAX_NAMES ? count : MAX_NAMES;
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "n%zu.%s", i, random_below(2) ? "x" : "$_");
        list[i].name = names[i];
    }
    if (!sfpm_symbols_encode(symbols, list, count, NULL, 0, NULL))
        abort();
}

static void add_start(const sfpm_maker_t *maker, uint32_t start, sfpm_regions_t *regions)
{
    static const uint8_t types[] = {SFPM_TYPE_I64, SFPM_TYPE_I64, SFPM_TYPE_I64,
                                    SFPM_TYPE_I64};
    sfpm_function_t function = maker->functions[start];
    function.param_types = function.local_types = types;
    sfpm_program_t program = {.functions = &function};
    sfpm_state_t state = {.pc = maker->functions[start].entry};
    if (!sfpm_functions_encode(&regions->region[SFPM_FUNCTIONS], maker->functions,
                               maker->num_functions, start) ||
        !sfpm_frames_start(&program, 0, &regions->region[SFPM_STACK]) ||
        !sfpm_state_encode(&state, 0, &regions->region[SFPM_STATE]))
        abort();
}

void random_program(sfpm_regions_t *regions)
{
    *regions = (sfpm_regions_t){0};
    sfpm_maker_t maker = {.code = &regions->region[SFPM_CODE]};
    maker.num_functions = 1 + (uint32_t)random_below(MAX_FUNCTIONS);
    maker.num_globals = (uint32_t)random_below(4);
    uint32_t start = (uint32_t)random_below(maker.num_functions);
    for (uint32_t i = 0; i < maker.num_functions; i++)
        maker.functions[i] =
            (sfpm_function_t){.params = (uint16_t)(i == start ? 0 : random_below(4)),
                              .results = (uint16_t)random_below(3),
                              .locals = (uint16_t)random_below(3)};
    for (uint32_t i = 0; i < maker.num_functions; i++)
        make_function(&maker, i);
    for (uint32_t i = 0; i < maker.num_globals; i++) {
        uint64_t value = random_below(1000) - 500;
        if (!sfpm_buffer_add_u64(&regions->region[SFPM_GLOBALS], value) ||
            !sfpm_buffer_add_u64(&regions->region[SFPM_GLOBALS], value))
            abort();
    }
    if (random_below(4))
        add_symbols(&maker, &regions->region[SFPM_SYMBOLS]);
    add_start(&maker, start, regions);
}
