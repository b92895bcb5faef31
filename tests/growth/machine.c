/* SPDX-License-Identifier: MIT */
/* Long lists in programs: what a host looks up in them, and texts for the tools. */
#include "growth.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/vm.h>

/* ---- Texts ------------------------------------------------------------------ */

/* Writes lines with the number, or the name, of each of the list in its place. */
static bool write_lines(FILE *file, size_t n, const char *format)
{
    char name[GROWTH_NAME];
    for (size_t i = 0; i < n; i++) {
        growth_name(i, name);
        for (const char *at = format; *at; at++)
            if (*at == '@')
                fputs(name, file);
            else if (*at == '#')
                fprintf(file, "%zu", i);
            else
                fputc(*at, file);
    }
    return !ferror(file);
}

typedef struct text {
    const char *before;
    const char *each;
    const char *after;
} text_t;

static bool write_text(size_t n, const char *path, const text_t *text)
{
    FILE *file = fopen(path, "w");
    bool ok = file && fputs(text->before, file) >= 0 && write_lines(file, n, text->each) &&
              fputs(text->after, file) >= 0;
    return file && fclose(file) == 0 && ok;
}

static bool labels(size_t n, const char *file)
{
    static const text_t text = {
        ".func main\n", "@: i64.const 1#\n br_unless @\n", " halt\n"};
    return write_text(n, file, &text);
}

static bool functions(size_t n, const char *file)
{
    static const text_t text = {
        "", ".func @\n call @\n return\n.export \"@\" func @\n", ""};
    return write_text(n, file, &text);
}

static bool globals(size_t n, const char *file)
{
    static const text_t text = {
        "", ".global @ #\n.export \"x@\" global @\n", ".func main\n halt\n"};
    return write_text(n, file, &text);
}

static bool imports(size_t n, const char *file)
{
    static const text_t text = {"", ".import \"m\" \"@\" @\n", ".func main\n halt\n"};
    return write_text(n, file, &text);
}

/* Types, elements and data. */
static bool tables(size_t n, const char *file)
{
    static const text_t text = {
        ".memory 64\n.table 100\n", ".type i32 -> i64\n.data # \"text #\"\n.elem 1 main\n",
        ".func main\n halt\n"};
    return write_text(n, file, &text);
}

/* Tables that each grow, before the elements of those behind. */
static bool growing_tables(size_t n, const char *path)
{
    FILE *file = fopen(path, "w");
    for (size_t i = 0; file && i < n; i++)
        fputs(".table 1\n", file);
    if (file)
        fputs(".func main\n", file);
    for (size_t i = 0; file && i < n; i++)
        fprintf(file, " ref.null funcref\n i32.const 1\n table.grow %zu\n drop\n", i);
    bool ok = file && fputs(" halt\n", file) >= 0;
    return file && fclose(file) == 0 && ok;
}

static bool instructions(size_t n, const char *file)
{
    static const text_t text = {".func main\n", " i64.const #\n drop\n", " halt\n"};
    return write_text(n, file, &text);
}

/* ---- WebAssembly --------------------------------------------------------------- */

/* A number in LEB128 of five bytes. */
static void put_number(FILE *file, size_t number)
{
    for (int i = 0; i < 4; i++, number >>= 7)
        fputc((int)(number & 0x7F) | 0x80, file);
    fputc((int)number, file);
}

static void put_section(FILE *file, int section, size_t size)
{
    fputc(section, file);
    put_number(file, size);
}

/* A module with two functions of each name. These are long and differ only at the end,
 * where numbers go. */
static bool module(size_t n, const char *path)
{
    enum { NAME = 100, ENTRY = 5 + 5 + NAME, TITLE = 5 };
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fwrite("\0asm\1\0\0\0\1\4\1\x60\0\0", 1, 14, file);
    put_section(file, 3, 5 + 2 * n);
    put_number(file, 2 * n);
    for (size_t i = 0; i < 2 * n; i++)
        fputc(0, file);
    put_section(file, 10, 5 + 2 * n * 3);
    put_number(file, 2 * n);
    for (size_t i = 0; i < 2 * n; i++)
        fwrite("\2\0\x0B", 1, 3, file);
    put_section(file, 0, TITLE + 1 + 5 + 5 + 2 * n * ENTRY);
    fwrite("\4name\1", 1, TITLE + 1, file);
    put_number(file, 5 + 2 * n * ENTRY);
    put_number(file, 2 * n);
    for (size_t i = 0; i < 2 * n; i++) {
        put_number(file, i);
        put_number(file, NAME);
        fprintf(file, "%0*zu", NAME, i / 2);
    }
    bool ok = !ferror(file);
    return fclose(file) == 0 && ok;
}

/* ---- Edits of programs -------------------------------------------------------- */

/* Of the text with labels. */
static bool label_edits(size_t n, const char *file)
{
    static const text_t text = {"", "@: i64.const #\n@+9: br_unless @\n", ""};
    return write_text(n, file, &text);
}

static bool global_edits(size_t n, const char *file)
{
    static const text_t text = {"", "@=#\n", ""};
    return write_text(n, file, &text);
}

static bool region_edits(size_t n, const char *file)
{
    static const text_t text = {"", "@:0=7 was 49\n", ""};
    return write_text(n, file, &text);
}

static bool byte_edits(size_t n, const char *path)
{
    FILE *file = fopen(path, "w");
    for (size_t i = n; file && i-- > 0;)
        fprintf(file, "r:%zu=7\n", i);
    return file && fclose(file) == 0;
}

/* ---- Hosts -------------------------------------------------------------------- */

static char *read_text(const char *path, size_t *size)
{
    FILE *file = fopen(path, "r");
    long length = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    char *text = length > 0 ? malloc((size_t)length) : NULL;
    *size = length > 0 ? (size_t)length : 0;
    if (text) {
        rewind(file);
        *size = fread(text, 1, *size, file);
    }
    if (file)
        fclose(file);
    return text;
}

static sfpm_vm_t *assemble(size_t n, const char *file,
                           bool (*write)(size_t n, const char *file))
{
    size_t size;
    sfpm_vm_t *vm = sfpm_vm_create();
    char *text = write(n, file) ? read_text(file, &size) : NULL;
    if (vm && text && sfpm_vm_assemble(vm, text, size, file, NULL, NULL)) {
        free(text);
        return vm;
    }
    free(text);
    sfpm_vm_destroy(vm);
    return NULL;
}

static bool use_globals(size_t n, const char *file)
{
    char name[GROWTH_NAME], exported[GROWTH_NAME + 1];
    sfpm_value_t value;
    sfpm_vm_t *vm = assemble(n, file, globals);
    bool ok = vm != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        snprintf(exported, sizeof exported, "x%s", growth_name(i, name));
        ok = sfpm_vm_get_global(vm, name, &value) &&
             sfpm_vm_set_global(vm, exported, &value);
    }
    sfpm_vm_destroy(vm);
    return ok;
}

static bool use_exports(size_t n, const char *file)
{
    char name[GROWTH_NAME];
    sfpm_vm_t *vm = assemble(n, file, functions);
    bool ok = vm != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_vm_enter(vm, growth_name(i, name), NULL, 0);
    sfpm_vm_destroy(vm);
    return ok;
}

static sfpm_native_result_t native(void *context, sfpm_vm_t *vm,
                                   const sfpm_value_t *params, sfpm_value_t *results)
{
    (void)context, (void)vm, (void)params, (void)results;
    return SFPM_NATIVE_DONE;
}

static bool use_natives(size_t n, const char *file)
{
    char name[GROWTH_NAME];
    sfpm_vm_t *vm = assemble(n, file, imports);
    bool ok = vm != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_vm_import(vm, "m", growth_name(i, name), "", native, NULL);
    ok = ok && sfpm_vm_run(vm, NULL);
    sfpm_vm_destroy(vm);
    return ok;
}

static bool grow_tables(size_t n, const char *file)
{
    sfpm_vm_info_t info = {0};
    sfpm_vm_t *vm = assemble(n, file, growing_tables);
    bool ok = vm && sfpm_vm_run(vm, NULL) && sfpm_vm_info(vm, &info, sizeof info) &&
              info.elements == 2 * n;
    sfpm_vm_destroy(vm);
    return ok;
}

const growth_case_t growth_machine_cases[] = {{"labels", labels},
                                              {"functions", functions},
                                              {"globals", globals},
                                              {"imports", imports},
                                              {"tables", tables},
                                              {"instructions", instructions},
                                              {"module", module},
                                              {"label-edits", label_edits},
                                              {"global-edits", global_edits},
                                              {"region-edits", region_edits},
                                              {"byte-edits", byte_edits},
                                              {"use-globals", use_globals},
                                              {"use-exports", use_exports},
                                              {"use-natives", use_natives},
                                              {"grow-tables", grow_tables},
                                              {NULL, NULL}};
