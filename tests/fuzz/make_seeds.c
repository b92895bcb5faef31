/* SPDX-License-Identifier: MIT */
/* make_seeds DIRECTORY PROGRAM...: writes for each fuzz target a directory of inputs to
 * begin with, made from the samples of tests/images and programs in assembly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../images/samples.h"
#include "base/bytes.h"
#include "codec/compress.h"
#include "commit/commit.h"
#include "format/format.h"
#include "bytecode/regions.h"
#include "../wasm/build.h"

static const char *root;

static void write_seed(const char *target, const char *name, const uint8_t *prefix,
                       size_t prefix_size, const uint8_t *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    FILE *file = fopen(path, "wb");
    if (!file || (prefix_size > 0 && fwrite(prefix, prefix_size, 1, file) != 1) ||
        (size > 0 && fwrite(bytes, size, 1, file) != 1) || fclose(file) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

static void write_delta(const sample_t *sample)
{
    size_t size = 4 + sample->base_size;
    uint8_t *prefix = malloc(size);
    if (!prefix)
        exit(EXIT_FAILURE);
    sfpm_put_u32(prefix, (uint32_t)sample->base_size);
    memcpy(prefix + 4, sample->base, sample->base_size);
    write_seed("delta", sample->name, prefix, size, sample->bytes, sample->size);
    free(prefix);
}

/* Other targets get what they are for; fuzz_image gets all that it can read. */
static void write_sample(const sample_t *sample)
{
    uint64_t features =
        sample->size < SFPM_HEADER_SIZE ? 0 : sfpm_get_u64(sample->bytes + 24);
    if (sample->version1) {
        if (sample->size > 8)
            write_seed("version1", sample->name, NULL, 0, sample->bytes + 8,
                       sample->size - 8);
    } else if (sample->base) {
        write_delta(sample);
    } else if (features == SFPM_INCOMPATIBLE_SEALED) {
        write_seed("decrypt", sample->name, NULL, 0, sample->bytes, sample->size);
    } else {
        write_seed("image", sample->name, NULL, 0, sample->bytes, sample->size);
        if (strcmp(sample->name, "good-zstd") == 0 ||
            strcmp(sample->name, "good-lz4") == 0)
            write_seed("chunks", sample->name, NULL, 0, sample->bytes, sample->size);
    }
}

/* One compressed chunk as fuzz_chunks takes it. */
static void write_chunk(const char *name, uint32_t codec)
{
    static uint8_t from[5000], to[6000];
    uint8_t prefix[3] = {codec == SFPM_CODEC_ZSTD, (sizeof from - 1) & 0xff,
                         (sizeof from - 1) >> 8};
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)(i % 17 * (i / 900));
    sfpm_compressor_t *compressor = sfpm_compressor_create(codec, 1);
    size_t size =
        compressor ? sfpm_compress(compressor, from, sizeof from, to, sizeof to) : 0;
    sfpm_compressor_destroy(compressor);
    write_seed("chunks", name, prefix, sizeof prefix, to, size);
}

/* The machine's regions as fuzz_machine takes them. */
static void write_machine(sfpm_vm_t *vm, const char *name)
{
    sfpm_buffer_t input = {0};
    sfpm_vm_region_t region = {0};
    for (int id = 0, next = 0; id < SFPM_NUM_REGIONS; id++) {
        bool there = sfpm_vm_region(vm, (size_t)next, &region, sizeof region) &&
                     strcmp(region.name, sfpm_region_names[id]) == 0;
        const uint8_t *bytes = there ? region.bytes : NULL;
        size_t size = there ? region.size : 0;
        while (id == SFPM_MEMORY && size > 1 && bytes[size - 1] == 0)
            size--; /* is made whole pages again */
        uint8_t *to = size > UINT16_MAX ? NULL : sfpm_buffer_extend(&input, 2 + size);
        if (!to)
            exit(EXIT_FAILURE);
        sfpm_put_u16(to, (uint16_t)size);
        if (size > 0)
            memcpy(to + 2, bytes, size);
        next += there;
    }
    write_seed("machine", name, NULL, 0, input.data, input.size);
    sfpm_buffer_free(&input);
}

static bool no_output(void *context, const void *bytes, size_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return true;
}

/* A program where it begins and at two places further on; what it imports is missing,
 * so some stay where they are. */
static void write_program(const char *path)
{
    static char text[1 << 16];
    char name[256];
    const char *slash = strrchr(path, '/');
    sfpm_vm_t *vm = sfpm_vm_create();
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(text, 1, sizeof text, file) : 0;
    sfpm_vm_run_options_t options = {.struct_size = sizeof options, .output = no_output};
    if (!vm || !file || !sfpm_vm_assemble(vm, text, size, path, NULL, NULL)) {
        fprintf(stderr, "make_seeds: %s: %s\n", path, sfpm_last_error());
        exit(EXIT_FAILURE);
    }
    fclose(file);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s-%u", slash ? slash + 1 : path, i);
        write_machine(vm, name);
        options.max_steps = 30 + 1000 * i;
        sfpm_vm_run(vm, &options);
    }
    sfpm_vm_destroy(vm);
}

static void fail(const char *what)
{
    fprintf(stderr, "make_seeds: %s: %s\n", what, sfpm_last_error());
    exit(EXIT_FAILURE);
}

/* The size of a file and its bytes. */
static void add_file(sfpm_buffer_t *input, const char *name)
{
    static uint8_t bytes[1 << 18];
    uint8_t prefix[4];
    FILE *file = fopen(name, "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    sfpm_put_u32(prefix, (uint32_t)size);
    if (size == 0 || size == sizeof bytes ||
        !sfpm_buffer_add(input, prefix, sizeof prefix) ||
        !sfpm_buffer_add(input, bytes, size))
        fail(name);
    fclose(file);
}

static bool fill_level(sfpm_edit_t *edit, unsigned level)
{
    static uint8_t data[20 * 4096 + 100];
    for (size_t i = level * 4096; i < sizeof data; i += (level + 1) * 4096)
        data[i] = (uint8_t)(level + 1);
    return sfpm_edit_set_region(edit, "data", 0, data, sizeof data, 0) &&
           sfpm_edit_set_region(edit, level % 2 ? "odd" : "even", 0, data,
                                1 + (size_t)level * 3000, 0);
}

/* Three deltas, each on the image before, as fuzz_chain takes them. */
static void write_chain(void)
{
    sfpm_buffer_t input = {0};
    char names[4][8];
    for (unsigned level = 0; level < 4; level++) {
        snprintf(names[level], sizeof names[level], "%u.img", level);
        sfpm_image_t *base = level > 0 ? sfpm_image_open(names[level - 1], NULL) : NULL;
        sfpm_edit_t *edit = sfpm_edit_create(base);
        if (!edit || !fill_level(edit, level) ||
            !(base ? sfpm_edit_save_delta(edit, names[level], NULL)
                   : sfpm_edit_save(edit, names[level], NULL)))
            fail("the chain");
        sfpm_edit_destroy(edit);
        sfpm_image_close(base);
        add_file(&input, names[level]);
    }
    for (unsigned level = 0; level < 4; level++)
        unlink(names[level]);
    write_seed("chain", "four", NULL, 0, input.data, input.size);
    sfpm_buffer_free(&input);
}

/* Changes of a heap as fuzz_heap takes them: of each table, to what is often wrong. */
static void write_changes(void)
{
    enum { TABLES = 14, SYMBOLS = 12, MODULES = 13 };
    static const uint8_t values[] = {0, 1, 0x7f, 0xff};
    for (uint8_t table = 0; table < TABLES; table++) {
        uint8_t bytes[64 * 6];
        char name[24];
        snprintf(name, sizeof name, "table-%u", table);
        for (unsigned i = 0; i < 64; i++) {
            uint8_t value = values[i % 4];
            memcpy(bytes + (size_t)i * 6,
                   (uint8_t[]){table, (uint8_t)(i * 4), (uint8_t)(i % 3), 0, value, 0},
                   6);
        }
        write_seed("heap", name, NULL, 0, bytes, sizeof bytes);
    }
    /* A name, an address; and of a module its build-id, its limits and its base. */
    static const uint8_t places[][2] = {{SYMBOLS, 0},   {SYMBOLS, 56},  {MODULES, 0},
                                        {MODULES, 104}, {MODULES, 177}, {MODULES, 185},
                                        {MODULES, 193}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char name[24];
        snprintf(name, sizeof name, "host-%zu", i);
        const uint8_t change[6] = {places[i][0], places[i][1], 0, 0, 0x50, 0x60};
        write_seed("heap", name, NULL, 0, change, sizeof change);
    }
    write_seed("heap", "unchanged", NULL, 0, NULL, 0);
}

/* Modules with control of all kinds, memory, tables, imports and names. */
static void write_modules(void)
{
    sfpm_buffer_t module = {0};
    WASM_FUNCTION(&module, "", "i", 1, 2, 0x7F, 0x41, 9, 0x21, 0, 0x03, 0x40, 0x20, 1,
                  0x20, 0, 0x6A, 0x21, 1, 0x20, 0, 0x41, 1, 0x6B, 0x22, 0, 0x0D, 0, 0x0B,
                  0x02, 0x7F, 0x41, 1, 0x41, 2, 0x20, 1, 0x41, 3, 0x71, 0x0E, 2, 0, 1, 0,
                  0x0B, 0x20, 1, 0x04, 0x7F, 0x41, 3, 0x05, 0x41, 4, 0x0B, 0x6A, 0x0B);
    write_seed("module", "control", NULL, 0, module.data, module.size);
    WASM_FUNCTION(&module, "", "", 0, 0x41, 8, 0x41, 0, 0x41, 4, 0xFC, 8, 1, 0, 0xFC, 9,
                  1, 0x41, 0, 0x41, 1, 0x11, 0, 0, 0x23, 0, 0x24, 0, 0x42, 3, 0x23, 1,
                  0x7E, 0x1A, 0x41, 1, 0x40, 0, 0x1A, 0x43, 0, 0, 0, 0x40, 0xBB, 0x9F,
                  0x1A, 0x1A, 0x0B);
    write_seed("module", "memory", NULL, 0, module.data, module.size);
    WASM_FUNCTION(&module, "", "iI", 0, 0x02, 0x40, 0x00, 0x6A, 0x1B, 0x0C, 0, 0x0B, 0x41,
                  5, 0x42, 7, 0x0B);
    write_seed("module", "dead", NULL, 0, module.data, module.size);
    wasm_begin(&module);
    WASM_SECTION(&module, 1, 2, 0x60, 1, 0x7F, 1, 0x7F, 0x60, 0, 0);
    WASM_SECTION(&module, 2, 1, 3, 'e', 'n', 'v', 4, 'n', 'o', 't', 'e', 0, 0);
    WASM_SECTION(&module, 3, 1, 1);
    WASM_SECTION(&module, 7, 2, 1, 'f', 0, 0, 6, '_', 's', 't', 'a', 'r', 't', 0, 1);
    WASM_SECTION(&module, 8, 1);
    WASM_SECTION(&module, 10, 1, 7, 0, 0x41, 1, 0x10, 0, 0x1A, 0x0B);
    write_seed("module", "import", NULL, 0, module.data, module.size);
    for (unsigned version = 2; version <= 5; version++) {
        char name[] = "lines0";
        name[5] = (char)('0' + version);
        wasm_lined(&module, version, wasm_line_program, wasm_line_program_size);
        write_seed("module", name, NULL, 0, module.data, module.size);
    }
    sfpm_buffer_free(&module);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: make_seeds DIRECTORY PROGRAM...\n");
        return 2;
    }
    root = argv[1];
    mkdir(root, 0777);
    for (size_t i = 0; i < num_samples(); i++) {
        sample_t sample;
        sample_make(i, &sample);
        write_sample(&sample);
        sample_free(&sample);
    }
    write_chunk("zstd", SFPM_CODEC_ZSTD);
    write_chunk("lz4", SFPM_CODEC_LZ4);
    for (int i = 2; i < argc; i++)
        write_program(argv[i]);
    write_changes();
    write_modules();
    write_chain();
    return EXIT_SUCCESS;
}
