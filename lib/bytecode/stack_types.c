/* SPDX-License-Identifier: MIT */
/*
 * Builds the tree of shapes, the stack types that the verifier computes. Sharing equal
 * shapes makes comparing them a comparison of numbers.
 */
#include "bytecode/stack_types.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

static bool add_shape(sfpm_shapes_t *shapes, const sfpm_shape_t *shape)
{
    void *list = shapes->list;
    if (shapes->count == SFPM_MAX_SHAPES)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "operand stacks have more than %d different lists of types",
                         SFPM_MAX_SHAPES);
    if (!sfpm_grow_array(&list, &shapes->capacity, (size_t)shapes->count + 1,
                         sizeof *shape))
        return false;
    shapes->list = list;
    shapes->list[shapes->count++] = *shape;
    return true;
}

bool sfpm_shapes_start(sfpm_shapes_t *shapes)
{
    const sfpm_shape_t empty = {.below = SFPM_EMPTY_SHAPE, .far_below = SFPM_EMPTY_SHAPE};
    while (shapes->count <= SFPM_EMPTY_SHAPE)
        if (!add_shape(shapes, &empty))
            return false;
    return true;
}

void sfpm_shapes_free(sfpm_shapes_t *shapes)
{
    free(shapes->list);
    *shapes = (sfpm_shapes_t){0};
}

/* Two steps of the same length below become one, so that their lengths are those of the
 * digits of a number. */
static uint32_t find_far_below(const sfpm_shape_t *list, uint32_t below)
{
    const sfpm_shape_t *first = &list[list[below].far_below];
    const sfpm_shape_t *second = &list[first->far_below];
    bool equal = list[below].height - first->height == first->height - second->height;
    return equal ? first->far_below : below;
}

bool sfpm_shape_add(sfpm_shapes_t *shapes, uint32_t *shape, uint8_t type)
{
    const uint32_t from = *shape;
    const sfpm_shape_t more = {.below = from,
                               .far_below = find_far_below(shapes->list, from),
                               .height = (uint16_t)(shapes->list[from].height + 1),
                               .type = type};
    *shape = shapes->count;
    if (!add_shape(shapes, &more))
        return false;
    shapes->list[from].above[sfpm_type_index(type)] = *shape;
    return true;
}

uint32_t sfpm_shape_below(const sfpm_shapes_t *shapes, uint32_t shape, uint32_t count)
{
    const sfpm_shape_t *list = shapes->list;
    uint32_t height = list[shape].height - count;
    while (list[shape].height > height) {
        uint32_t far = list[shape].far_below;
        shape = list[far].height >= height ? far : list[shape].below;
    }
    return shape;
}
