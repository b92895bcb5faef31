/* SPDX-License-Identifier: MIT */
/* Encrypted images: their boxes are opened when a mutant begins, and made again when it
 * is sealed, each with the numbers that stand in it by then. */
#include <stdlib.h>
#include <string.h>

#include "../images/samples.h"
#include "base/bytes.h"
#include "base/checked.h"
#include "image/binding.h"
#include "image/seal.h"
#include "io/input.h"
#include "mutate.h"

/* ---- opening ---- */

typedef struct opening {
    mutant_t *mutant;
    sfpm_opener_t opener;
} opening_t;

static bool is_open(const mutant_t *mutant, size_t offset)
{
    for (size_t i = 0; i < mutant->num_boxes; i++)
        if (mutant->boxes[i].offset == offset)
            return true;
    return false;
}

/* Puts the contents where the ciphertext was; what cannot be opened stays. */
static bool open_box(opening_t *opening, uint32_t kind, size_t offset, size_t length)
{
    mutant_t *mutant = opening->mutant;
    size_t size;
    if (!sfpm_in_range(offset, length, mutant->size) || is_open(mutant, offset) ||
        mutant->num_boxes == MUTANT_BOXES)
        return false;
    uint8_t *to = malloc(length ? length : 1);
    bool good = to && sfpm_box_open(&opening->opener, kind, offset,
                                    mutant->bytes + offset, length, to, &size);
    if (good) {
        memcpy(mutant->bytes + offset + SFPM_BOX_PREFIX, to, size);
        mutant->boxes[mutant->num_boxes++] = (box_t){kind, offset, length};
    }
    free(to);
    return good;
}

static void open_chunks(opening_t *opening, const place_t *leaf)
{
    size_t length;
    const uint8_t *bytes = mutant_contents(opening->mutant, leaf, &length);
    if (!mutant_leaf_is_sane(bytes, length))
        return;
    const uint8_t *extent = bytes + 8 + (size_t)sfpm_get_u32(bytes) * 8;
    for (uint32_t i = 0; i < sfpm_get_u32(bytes + 4); i++, extent += SFPM_EXTENT_SIZE)
        if (sfpm_get_u32(extent + 16) == SFPM_EXTENT_CHUNK)
            open_box(opening, SFPM_BOX_CHUNK, (size_t)sfpm_get_u64(extent),
                     sfpm_get_u32(extent + 8));
}

void mutant_open(mutant_t *mutant)
{
    sfpm_keys_t keys = {.sealed = true};
    opening_t opening = {.mutant = mutant, .opener = {.keys = &keys}};
    if (mutant->size < SFPM_HEADER_SIZE ||
        !(mutant->bytes[24] & SFPM_INCOMPATIBLE_SEALED) || mutant->num_places == 0)
        return;
    /* Its own copy: the mutant's bytes change while boxes are opened. */
    uint8_t *copy = sfpm_copy_bytes(mutant->bytes, mutant->size);
    memcpy(keys.header, mutant->bytes, SFPM_HEADER_SIZE);
    memcpy(keys.master, sample_key, SFPM_KEY_SIZE);
    opening.opener.input =
        copy ? sfpm_input_open_memory(copy, mutant->size, "mutant") : NULL;
    for (size_t i = 0; opening.opener.input && i < mutant->num_places; i++) {
        const place_t *place = &mutant->places[i];
        if (place->type == SFPM_RECORD_INDEX)
            open_box(&opening, SFPM_BOX_INDEX, place->payload, place->length);
        else if (place->type == SFPM_RECORD_LEAF &&
                 open_box(&opening, SFPM_BOX_LEAF, place->payload, place->length))
            open_chunks(&opening, place);
    }
    sfpm_opener_free(&opening.opener);
    sfpm_input_close((sfpm_input_t *)(uintptr_t)opening.opener.input);
    free(copy);
}

uint8_t *mutant_contents(const mutant_t *mutant, const place_t *place, size_t *length)
{
    bool box = place->length >= SFPM_BOX_EXTRA && is_open(mutant, place->payload);
    *length = place->length - (box ? SFPM_BOX_EXTRA : 0);
    return mutant->bytes + place->payload + (box ? SFPM_BOX_PREFIX : 0);
}

/* ---- making ---- */

static uint8_t *salt_at(const mutant_t *mutant, uint64_t offset)
{
    for (size_t i = 0; i < mutant->num_places; i++)
        if (mutant->places[i].offset == offset &&
            mutant->places[i].type == SFPM_RECORD_SALT &&
            mutant->places[i].length == SFPM_SALT_RECORD)
            return mutant->bytes + mutant->places[i].payload;
    return NULL;
}

/* The cipher of the commit with that salt, and what tells a right key from a wrong. */
static sfpm_cipher_t *cipher_of(mutant_t *mutant, uint8_t *salt)
{
    uint8_t key[SFPM_KEY_SIZE];
    if ((mutant->exact || mutant_random(mutant, 8) != 0) &&
        sfpm_derive_key(sample_key, salt, SFPM_SALT_SIZE, "sfpm key check", key))
        memcpy(salt + SFPM_SALT_SIZE, key, 16);
    return sfpm_derive_key(sample_key, salt, SFPM_SALT_SIZE, "sfpm commit key", key)
               ? sfpm_cipher_create(key)
               : NULL;
}

static void make_box(mutant_t *mutant, const box_t *box, size_t length)
{
    uint8_t *at = mutant->bytes + box->offset;
    uint8_t *salt = salt_at(mutant, sfpm_get_u64(at));
    sfpm_keys_t keys = {.sealed = true};
    sfpm_sealer_t sealer = {
        .keys = &keys, .salt_offset = sfpm_get_u64(at), .counter = sfpm_get_u64(at + 8)};
    if (length < SFPM_BOX_EXTRA || !sfpm_in_range(box->offset, length, mutant->size) ||
        !salt)
        return;
    memcpy(keys.header, mutant->bytes, SFPM_HEADER_SIZE);
    sealer.cipher = cipher_of(mutant, salt);
    uint8_t *made = sealer.cipher ? malloc(length) : NULL;
    if (made && sfpm_box_seal(&sealer, box->kind, box->offset, at + SFPM_BOX_PREFIX,
                              length - SFPM_BOX_EXTRA, made))
        memcpy(at, made, length);
    free(made);
    sfpm_sealer_free(&sealer);
}

/* The index of the last commit before a place that has a trailer, or NULL. */
static const place_t *index_before(const mutant_t *mutant, size_t offset)
{
    const place_t *index = NULL, *found = NULL;
    for (size_t i = 0; i < mutant->num_places && mutant->places[i].payload < offset;
         i++) {
        if (mutant->places[i].type == SFPM_RECORD_INDEX)
            index = &mutant->places[i];
        else if (mutant->places[i].type == SFPM_RECORD_TRAILER)
            found = index;
    }
    return found;
}

/* Makes an index name the index before it, which is a box already, if it names one. */
static void bind(mutant_t *mutant, const box_t *box, size_t length)
{
    static const char key[] = SFPM_BINDING_KEY "\x20\0\0"; /* and a length of 32 */
    const place_t *before = index_before(mutant, box->offset);
    sfpm_trailer_t trailer;
    char text[SFPM_BINDING_TEXT];
    if (!before || length < SFPM_BOX_EXTRA + sizeof key ||
        !sfpm_in_range(box->offset, length, mutant->size) ||
        !sfpm_in_range(before->payload, before->length, mutant->size) ||
        (!mutant->exact && mutant_random(mutant, 64) == 0))
        return;
    sfpm_digest(mutant->bytes + before->payload, before->length, trailer.index_digest);
    sfpm_binding_text(&trailer, text);
    uint8_t *at = mutant->bytes + box->offset + SFPM_BOX_PREFIX;
    for (size_t left = length - SFPM_BOX_EXTRA; left >= sizeof key + 32; left--, at++)
        if (memcmp(at, key, sizeof key) == 0) {
            memcpy(at + sizeof key, text, 32);
            return;
        }
}

void mutant_make_boxes(mutant_t *mutant, uint32_t kind)
{
    for (size_t i = 0; i < mutant->num_boxes; i++) {
        box_t *box = &mutant->boxes[i];
        size_t length = box->length;
        /* An index may be longer or shorter by now. */
        for (size_t k = 0; kind == SFPM_BOX_INDEX && k < mutant->num_places; k++)
            if (mutant->places[k].payload == box->offset)
                length = mutant->places[k].length;
        if (box->kind == kind && kind == SFPM_BOX_INDEX)
            bind(mutant, box, length);
        if (box->kind == kind)
            make_box(mutant, box, length);
    }
}
