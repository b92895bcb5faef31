/* SPDX-License-Identifier: MIT */
/*
 * Shapes: the types on an operand stack, from its bottom to its top. All shapes of a
 * program form one tree, in which a shape's parent is the shape without its top. So equal
 * shapes are one, and comparing, pushing and popping take the same time at any height.
 * Going down by many takes logarithmic time: each shape also has one far below it (E. W.
 * Myers, An applicative random-access stack, 1983).
 */
#ifndef SFPM_BYTECODE_STACK_TYPES_H
#define SFPM_BYTECODE_STACK_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/opcode.h>

enum {
    SFPM_NUM_TYPES = 6,
    SFPM_EMPTY_SHAPE = 2, /* numbers below are free for other meanings */
    SFPM_MAX_SHAPES = 1 << 20
};

typedef struct sfpm_shape {
    uint32_t below;                 /* without the top; of the empty one, itself */
    uint32_t above[SFPM_NUM_TYPES]; /* with one more, by type; 0: not there yet */
    uint32_t far_below;             /* one further down; of the empty one, itself */
    uint16_t height;
    uint8_t type; /* of the top, an sfpm_type_t */
} sfpm_shape_t;

typedef struct sfpm_shapes {
    sfpm_shape_t *list;
    uint32_t count;
    size_t capacity;
} sfpm_shapes_t;

bool sfpm_shapes_start(sfpm_shapes_t *shapes);
void sfpm_shapes_free(sfpm_shapes_t *shapes);

/* sfpm_shape_push() of a shape that does not exist yet. */
bool sfpm_shape_add(sfpm_shapes_t *shapes, uint32_t *shape, uint8_t type);

/* Types counted from 0: numbers, then references. */
static inline uint32_t sfpm_type_index(uint8_t type)
{
    return (type >= SFPM_TYPE_F64 ? 0u + SFPM_TYPE_I32 : 4u + SFPM_TYPE_FUNCREF) - type;
}

/* Replaces a shape by the one with one more on top. False, with the error set, when
 * memory runs out or shapes are too many. */
static inline bool sfpm_shape_push(sfpm_shapes_t *shapes, uint32_t *shape, uint8_t type)
{
    uint32_t above = shapes->list[*shape].above[sfpm_type_index(type)];
    if (above == 0)
        return sfpm_shape_add(shapes, shape, type);
    *shape = above;
    return true;
}

/* The shape without its topmost `count`, which it has. */
uint32_t sfpm_shape_below(const sfpm_shapes_t *shapes, uint32_t shape, uint32_t count);

#endif
