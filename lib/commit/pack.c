/* SPDX-License-Identifier: MIT */
/*
 * Packed chunks: compressed by as many threads as wanted, then sealed and written in
 * order, so that the bytes do not depend on the number of threads.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "codec/compress.h"
#include "commit/plan.h"

enum {
    BATCH = 32,       /* chunks that are packed together and make one record */
    WORKERS_MAX = 64, /* threads */
    SLOT_SIZE = SFPM_CHUNK + SFPM_BOX_EXTRA
};

/* One chunk on its way. */
typedef struct slot {
    sfpm_extent_t *extent;
    const uint8_t *from; /* the contents */
    size_t size;
    uint8_t *loaded;     /* room for contents that are not in memory */
    uint8_t *compressed; /* room for the compressed contents */
    const uint8_t *data; /* what is stored, before it is sealed: one of the above */
    size_t length;
    uint32_t codec;
} slot_t;

typedef struct packer {
    sfpm_plan_t *plan;
    slot_t slots[BATCH];
    uint8_t *payload; /* of the record: what the slots become; it begins where in a page
                         it does in the file, for sfpm_new_block()'s reason */
    size_t count;
    atomic_size_t next;
    unsigned workers;
    sfpm_compressor_t *compressors[WORKERS_MAX];
} packer_t;

/* A thread's share of a batch. */
typedef struct share {
    packer_t *packer;
    sfpm_compressor_t *compressor;
} share_t;

static void pack_slot(slot_t *slot, sfpm_compressor_t *compressor, uint32_t codec)
{
    /* Less than a sixteenth saved is not worth the time to restore it. */
    size_t room = slot->size - slot->size / 16;
    slot->length = compressor ? sfpm_compress(compressor, slot->from, slot->size,
                                              slot->compressed, room)
                              : 0;
    slot->codec = slot->length > 0 ? codec : SFPM_CODEC_NONE;
    slot->data = slot->length > 0 ? slot->compressed : slot->from;
    slot->length = slot->length > 0 ? slot->length : slot->size;
}

static void *work(void *argument)
{
    share_t *share = argument;
    packer_t *packer = share->packer;
    for (;;) {
        size_t i = atomic_fetch_add(&packer->next, 1);
        if (i >= packer->count)
            return NULL;
        pack_slot(&packer->slots[i], share->compressor, packer->plan->edit->index.codec);
    }
}

/* The caller works too; if a thread cannot be created, the others do its work. */
static void pack_batch(packer_t *packer)
{
    pthread_t threads[WORKERS_MAX];
    share_t shares[WORKERS_MAX];
    unsigned started = 0;
    atomic_store(&packer->next, 0);
    for (unsigned i = 0; i < packer->workers; i++)
        shares[i] = (share_t){packer, packer->compressors[i]};
    while (started + 1 < packer->workers && started + 1 < packer->count &&
           sfpm_thread_start(&threads[started], work, &shares[started + 1]) == 0)
        started++;
    work(&shares[0]);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

/* Puts one chunk into the payload, for its place in the file. */
static bool place_slot(packer_t *packer, slot_t *slot, uint64_t offset, uint8_t *to)
{
    slot->extent->offset = offset;
    slot->extent->kind = SFPM_EXTENT_CHUNK;
    slot->extent->codec = slot->codec;
    slot->extent->length = (uint32_t)slot->length;
    if (!packer->plan->edit->keys) {
        sfpm_copy_contents(to, slot->data, slot->length);
        return true;
    }
    slot->extent->length += SFPM_BOX_EXTRA;
    return sfpm_box_seal(&packer->plan->sealer, SFPM_BOX_CHUNK, offset, slot->data,
                         slot->length, to);
}

static bool flush_batch(packer_t *packer, sfpm_output_t *output)
{
    uint64_t start = sfpm_output_offset(output) + SFPM_RECORD_SIZE;
    uint8_t *payload = packer->payload + start % SFPM_PAGE;
    size_t total = 0, contents = 0;
    if (packer->count == 0)
        return true;
    pack_batch(packer);
    for (size_t i = 0; i < packer->count; i++) {
        slot_t *slot = &packer->slots[i];
        if (!place_slot(packer, slot, start + total, payload + total))
            return false;
        total += slot->extent->length;
        contents += slot->size;
    }
    packer->count = 0;
    bool ok = sfpm_write_record_start(output, SFPM_RECORD_DATA, 0, total,
                                      sfpm_checksum(payload, total, 0)) &&
              sfpm_output_write(output, payload, total) && sfpm_write_record_end(output);
    sfpm_meter_add(packer->plan->edit->meter, contents);
    return ok;
}

/* A slot's own memory, allocated when a chunk first needs it. */
static bool need(uint8_t **memory)
{
    if (!*memory)
        *memory = sfpm_new_block(SFPM_CHUNK);
    return *memory != NULL;
}

static bool take_slot(packer_t *packer, sfpm_planned_leaf_t *planned,
                      sfpm_extent_t *extent)
{
    slot_t *slot = &packer->slots[packer->count];
    uint32_t chunk = extent->first / SFPM_CHUNK_PAGES;
    sfpm_planned_chunk_t *now = &planned->chunks[chunk];
    slot->extent = extent;
    slot->size = sfpm_plan_span(planned, chunk);
    slot->from = sfpm_plan_contents(packer->plan, planned, chunk);
    if (!slot->from || (packer->compressors[0] && !need(&slot->compressed)) ||
        (now->reload && !need(&slot->loaded)))
        return false;
    if (now->unhashed)
        planned->leaf.sums[chunk] = sfpm_checksum(slot->from, slot->size, 0);
    now->unhashed = false;
    if (now->reload) {
        memcpy(slot->loaded, slot->from, slot->size);
        slot->from = slot->loaded;
    }
    packer->count++;
    return true;
}

static bool pack_leaf(packer_t *packer, sfpm_planned_leaf_t *planned,
                      sfpm_output_t *output)
{
    for (uint32_t i = 0; i < planned->leaf.num_extents; i++) {
        sfpm_extent_t *extent = &planned->leaf.extents[i];
        if (!(extent->kind & SFPM_EXTENT_UNPLACED) ||
            planned->chunks[extent->first / SFPM_CHUNK_PAGES].twin)
            continue;
        if (!take_slot(packer, planned, extent) ||
            (packer->count == BATCH && !flush_batch(packer, output)))
            return false;
    }
    return true;
}

/* Gives chunks that have a twin its place. */
static void place_twins(sfpm_planned_leaf_t *planned)
{
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    for (uint32_t i = 0; i < planned->leaf.num_extents; i++) {
        sfpm_extent_t *extent = &planned->leaf.extents[i];
        if (extent->kind & SFPM_EXTENT_UNPLACED &&
            sfpm_chunk_extents(&planned->twin->leaf, extent->first / SFPM_CHUNK_PAGES,
                               cuts) > 0)
            *extent = cuts[0];
    }
}

static bool prepare(packer_t *packer)
{
    const sfpm_edit_t *edit = packer->plan->edit;
    packer->workers = edit->workers > WORKERS_MAX ? WORKERS_MAX : edit->workers;
    packer->workers += packer->workers == 0;
    packer->payload = sfpm_new_block((size_t)BATCH * SLOT_SIZE + SFPM_PAGE);
    if (!packer->payload)
        return false;
    if (edit->index.codec == SFPM_CODEC_NONE)
        return true;
    for (unsigned i = 0; i < packer->workers; i++) {
        packer->compressors[i] =
            sfpm_compressor_create(edit->index.codec, (int)edit->index.level);
        if (!packer->compressors[i])
            return false;
    }
    return true;
}

static void dispose(packer_t *packer)
{
    for (size_t i = 0; i < BATCH; i++) {
        free(packer->slots[i].loaded);
        free(packer->slots[i].compressed);
    }
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        sfpm_compressor_destroy(packer->compressors[i]);
    free(packer->payload);
    free(packer);
}

bool sfpm_plan_write_packed(sfpm_plan_t *plan, sfpm_output_t *output)
{
    if (!plan->packed)
        return true;
    packer_t *packer = SFPM_NEW(packer_t);
    if (!packer)
        return false;
    packer->plan = plan;
    bool ok = prepare(packer);
    for (size_t i = 0; ok && i < plan->num_leaves; i++)
        ok = pack_leaf(packer, plan->leaves[i], output);
    ok = ok && flush_batch(packer, output);
    for (size_t i = 0; ok && i < plan->num_leaves; i++)
        place_twins(plan->leaves[i]);
    dispose(packer);
    return ok;
}
