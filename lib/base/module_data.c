/* SPDX-License-Identifier: MIT */
/*
 * The static data of a module: its writable segments, without the parts that belong to
 * this process rather than to the module's code. These are what becomes read-only after
 * relocation (RELRO), the dynamic section, the table of functions bound lazily, variables
 * of libraries that the linker placed in the program (copy relocations), and the handle
 * by which the C++ runtime knows the module.
 */
#include "base/module_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/page.h"

/* Adds a range to a list, unless it is empty. */
static bool add_part(sfpm_part_t **list, size_t *count, size_t *capacity, uintptr_t start,
                     uintptr_t end)
{
    void *parts = *list;
    if (start >= end)
        return true;
    if (!sfpm_grow_array(&parts, capacity, *count + 1, sizeof **list))
        return false;
    *list = parts;
    (*list)[(*count)++] = (sfpm_part_t){start, end};
    return true;
}

#if defined(__linux__)
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

#if defined(__x86_64__)
#define COPY R_X86_64_COPY
#elif defined(__i386__)
#define COPY R_386_COPY
#elif defined(__aarch64__)
#define COPY R_AARCH64_COPY
#elif defined(__arm__)
#define COPY R_ARM_COPY
#elif defined(__riscv)
#define COPY R_RISCV_COPY
#elif defined(__powerpc__)
#define COPY R_PPC_COPY
#elif defined(__s390__)
#define COPY R_390_COPY
#else
#define COPY 0 /* no architecture's */
#endif

#if UINTPTR_MAX > 0xffffffffU
#define SYMBOL(info) ELF64_R_SYM(info)
#define KIND(info)   ELF64_R_TYPE(info)
#else
#define SYMBOL(info) ELF32_R_SYM(info)
#define KIND(info)   ELF32_R_TYPE(info)
#endif

enum { WORD = sizeof(uintptr_t), RESERVED_WORDS = 3 };

typedef struct module {
    uintptr_t wanted;
    bool found;
    char *name;
    uintptr_t base;
    const ElfW(Phdr) * segments;
    size_t num_segments;
} module_t;

/* Relocations with and without an addend begin with the same two words. */
typedef struct table {
    uintptr_t start;
    size_t size;
    size_t entry;
} table_t;

typedef struct dynamic {
    uintptr_t linkage; /* the table of functions bound lazily; 0: none */
    uintptr_t symbols;
    size_t symbol_size;
    table_t functions; /* relocations of that table */
    table_t plain;     /* others, without an addend */
    table_t added;     /* others, with one */
    size_t kind;       /* of `functions`: DT_REL or DT_RELA */
} dynamic_t;

/* ---- The module ------------------------------------------------------------ */

static bool holds(const module_t *module, uintptr_t address, size_t size, uint32_t flags)
{
    for (size_t i = 0; i < module->num_segments; i++) {
        const ElfW(Phdr) *segment = &module->segments[i];
        uintptr_t offset = address - (module->base + (uintptr_t)segment->p_vaddr);
        if (segment->p_type == PT_LOAD && (segment->p_flags & flags) == flags &&
            offset < segment->p_memsz && size <= segment->p_memsz - offset)
            return true;
    }
    return false;
}

static int look_at(struct dl_phdr_info *info, size_t size, void *context)
{
    module_t *module = context;
    const char *path = info->dlpi_name ? info->dlpi_name : "";
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const module_t here = {.wanted = module->wanted,
                           .base = (uintptr_t)info->dlpi_addr,
                           .segments = info->dlpi_phdr,
                           .num_segments = info->dlpi_phnum};
    (void)size;
    if (!holds(&here, module->wanted, 1, 0))
        return 0;
    *module = here;
    module->found = true;
    module->name = sfpm_copy_string(name);
    return 1;
}

static const ElfW(Phdr) * find_segment(const module_t *module, uint32_t type)
{
    for (size_t i = 0; i < module->num_segments; i++)
        if (module->segments[i].p_type == type)
            return &module->segments[i];
    return NULL;
}

/* The library's own state must not be saved, nor that of the C library, nor that of the
 * dynamic linker. */
static bool check_owner(const module_t *module)
{
    static const char here;
    const char *fault = NULL;
    if (holds(module, (uintptr_t)&here, 1, 0))
        fault = "holds libsfpm itself: link libsfpm as a shared library";
    else if (holds(module, (uintptr_t)(const void *)stdout, 1, 0))
        fault = "holds the state of the C library";
    else if (module->base != 0 && module->base == getauxval(AT_BASE))
        fault = "is the dynamic linker";
    else if (!find_segment(module, PT_DYNAMIC))
        fault = "is linked statically: its data includes that of the C library";
    else if (!find_segment(module, PT_GNU_RELRO))
        fault = "is linked without -z relro: cannot tell the dynamic linker's data from "
                "its own";
    return !fault || sfpm_fail(SFPM_ERR_UNSUPPORTED, "%s %s",
                               *module->name ? module->name : "the program", fault);
}

/* ---- The dynamic section --------------------------------------------------- */

/* Some systems correct these addresses when they load a module, others do not. */
static uintptr_t address_of(const module_t *module, uintptr_t value)
{
    return value < module->base ? value + module->base : value;
}

static void take_entry(dynamic_t *dynamic, const module_t *module, intptr_t tag,
                       uintptr_t value)
{
    switch (tag) {
    case DT_PLTGOT:
        dynamic->linkage = address_of(module, value);
        break;
    case DT_SYMTAB:
        dynamic->symbols = address_of(module, value);
        break;
    case DT_SYMENT:
        dynamic->symbol_size = value;
        break;
    case DT_JMPREL:
        dynamic->functions.start = address_of(module, value);
        break;
    case DT_PLTRELSZ:
        dynamic->functions.size = value;
        break;
    case DT_PLTREL:
        dynamic->kind = value;
        break;
    case DT_REL:
        dynamic->plain.start = address_of(module, value);
        break;
    case DT_RELSZ:
        dynamic->plain.size = value;
        break;
    case DT_RELA:
        dynamic->added.start = address_of(module, value);
        break;
    case DT_RELASZ:
        dynamic->added.size = value;
        break;
    default:
        break;
    }
}

static bool is_table(const module_t *module, const table_t *table)
{
    return table->size == 0 || holds(module, table->start, table->size, PF_R);
}

static bool read_dynamic(dynamic_t *dynamic, const module_t *module)
{
    const ElfW(Phdr) *segment = find_segment(module, PT_DYNAMIC);
    uintptr_t at = module->base + (uintptr_t)segment->p_vaddr;
    *dynamic =
        (dynamic_t){.plain.entry = sizeof(ElfW(Rel)), .added.entry = sizeof(ElfW(Rela))};
    for (size_t rest = segment->p_memsz; rest >= sizeof(ElfW(Dyn));
         rest -= sizeof(ElfW(Dyn)), at += sizeof(ElfW(Dyn))) {
        ElfW(Dyn) entry;
        memcpy(&entry, (const void *)at, sizeof entry);
        if (entry.d_tag == DT_NULL)
            break;
        take_entry(dynamic, module, (intptr_t)entry.d_tag, (uintptr_t)entry.d_un.d_ptr);
    }
    dynamic->functions.entry =
        dynamic->kind == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
    return (is_table(module, &dynamic->functions) && is_table(module, &dynamic->plain) &&
            is_table(module, &dynamic->added)) ||
           sfpm_fail(SFPM_ERR_UNSUPPORTED, "cannot read the relocations of %s",
                     *module->name ? module->name : "the program");
}

/* ---- What is not the module's own ------------------------------------------ */

/* A variable of a library, as large as its symbol says. */
static bool cut_copy(sfpm_module_data_t *data, const module_t *module,
                     const dynamic_t *dynamic, const ElfW(Rel) * relocation)
{
    ElfW(Sym) symbol;
    uintptr_t place = module->base + (uintptr_t)relocation->r_offset;
    uintptr_t at = dynamic->symbols + SYMBOL(relocation->r_info) * sizeof symbol;
    if (dynamic->symbol_size != sizeof symbol || !holds(module, at, sizeof symbol, PF_R))
        return sfpm_fail(SFPM_ERR_UNSUPPORTED, "cannot read the symbols of %s",
                         *module->name ? module->name : "the program");
    memcpy(&symbol, (const void *)at, sizeof symbol);
    return sfpm_module_data_cut(data, place, place + (uintptr_t)symbol.st_size);
}

static bool cut_relocated(sfpm_module_data_t *data, const module_t *module,
                          const dynamic_t *dynamic, const table_t *table, bool functions)
{
    for (size_t at = 0; table->size - at >= table->entry; at += table->entry) {
        ElfW(Rel) relocation;
        memcpy(&relocation, (const void *)(table->start + at), sizeof relocation);
        uintptr_t place = module->base + (uintptr_t)relocation.r_offset;
        bool ok = true;
        if (functions)
            ok = sfpm_module_data_cut(data, place, place + WORD);
        else if (COPY != 0 && KIND(relocation.r_info) == COPY)
            ok = cut_copy(data, module, dynamic, &relocation);
        if (!ok)
            return false;
    }
    return true;
}

/* __dso_handle, which holds its own address: in the startup files, whose data is before
 * that of the module's own code. Before it there are zeros alone, if anything. */
static bool cut_handle(sfpm_module_data_t *data)
{
    enum { WORDS_BEFORE = 16 };
    sfpm_part_t first = data->count ? data->parts[0] : (sfpm_part_t){0, 0};
    uintptr_t at = (first.start + WORD - 1) / WORD * WORD;
    for (int i = 0; i < WORDS_BEFORE && at < first.end && first.end - at >= WORD;
         i++, at += WORD) {
        uintptr_t word;
        memcpy(&word, (const void *)at, WORD);
        if (word != 0)
            return word != at || sfpm_module_data_cut(data, at, at + WORD);
    }
    return true;
}

static bool add_segments(sfpm_module_data_t *data, const module_t *module)
{
    for (size_t i = 0; i < module->num_segments; i++) {
        const ElfW(Phdr) *segment = &module->segments[i];
        uintptr_t start = module->base + (uintptr_t)segment->p_vaddr;
        if (segment->p_type == PT_LOAD && (segment->p_flags & (PF_W | PF_X)) == PF_W &&
            !add_part(&data->parts, &data->count, &data->capacity, start,
                      start + (uintptr_t)segment->p_memsz))
            return false;
    }
    return true;
}

static bool cut_segments(sfpm_module_data_t *data, const module_t *module)
{
    const uintptr_t page = sfpm_system_page();
    for (size_t i = 0; i < module->num_segments; i++) {
        const ElfW(Phdr) *segment = &module->segments[i];
        uintptr_t start = module->base + (uintptr_t)segment->p_vaddr;
        uintptr_t end = start + (uintptr_t)segment->p_memsz;
        if (segment->p_type == PT_GNU_RELRO)
            start = start / page * page;
        else if (segment->p_type == PT_TLS)
            end = start + (uintptr_t)segment->p_filesz;
        else if (segment->p_type != PT_DYNAMIC)
            continue;
        if (!sfpm_module_data_cut(data, start, end))
            return false;
    }
    return true;
}

bool sfpm_module_data_find(sfpm_module_data_t *data, uintptr_t address)
{
    module_t module = {.wanted = address};
    dynamic_t dynamic;
    *data = (sfpm_module_data_t){0};
    dl_iterate_phdr(look_at, &module);
    data->name = module.name;
    if (!module.found)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "address 0x%llx is not in the program or a library",
                         (unsigned long long)address);
    return module.name && check_owner(&module) && read_dynamic(&dynamic, &module) &&
           add_segments(data, &module) && cut_segments(data, &module) &&
           (!dynamic.linkage ||
            sfpm_module_data_cut(data, dynamic.linkage,
                                 dynamic.linkage + RESERVED_WORDS * WORD)) &&
           cut_relocated(data, &module, &dynamic, &dynamic.functions, true) &&
           cut_relocated(data, &module, &dynamic, &dynamic.plain, false) &&
           cut_relocated(data, &module, &dynamic, &dynamic.added, false) &&
           sfpm_module_data_settle(data) && cut_handle(data) &&
           sfpm_module_data_settle(data);
}
#else
bool sfpm_module_data_find(sfpm_module_data_t *data, uintptr_t address)
{
    (void)address;
    *data = (sfpm_module_data_t){0};
    return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                     "this system does not report where the data of a module is");
}
#endif

/* ---- Parts ----------------------------------------------------------------- */

bool sfpm_module_data_cut(sfpm_module_data_t *data, uintptr_t start, uintptr_t end)
{
    return add_part(&data->cuts, &data->num_cuts, &data->cut_capacity, start, end);
}

static int compare_parts(const void *left, const void *right)
{
    const sfpm_part_t *a = left, *b = right;
    return (a->start > b->start) - (a->start < b->start);
}

static void sort_parts(sfpm_part_t *parts, size_t count)
{
    if (count > 0)
        qsort(parts, count, sizeof *parts, compare_parts);
}

/* What the cuts from *next on leave of a part goes to `left`; *next then is the first
 * that may reach beyond it. */
static bool cut_part(const sfpm_module_data_t *data, sfpm_part_t part, size_t *next,
                     sfpm_module_data_t *left)
{
    for (; *next < data->num_cuts && data->cuts[*next].start < part.end; ++*next) {
        const sfpm_part_t *cut = &data->cuts[*next];
        if (!add_part(&left->parts, &left->count, &left->capacity, part.start,
                      cut->start))
            return false;
        if (cut->end > part.start)
            part.start = cut->end;
        if (cut->end > part.end)
            break;
    }
    return add_part(&left->parts, &left->count, &left->capacity, part.start, part.end);
}

bool sfpm_module_data_settle(sfpm_module_data_t *data)
{
    sfpm_module_data_t left = {0};
    size_t next = 0;
    bool ok = true;
    sort_parts(data->parts, data->count);
    sort_parts(data->cuts, data->num_cuts);
    for (size_t i = 0; ok && i < data->count; i++)
        ok = cut_part(data, data->parts[i], &next, &left);
    free(data->parts);
    data->parts = left.parts;
    data->count = left.count;
    data->capacity = left.capacity;
    data->num_cuts = 0;
    return ok;
}

bool sfpm_module_data_holds(const sfpm_module_data_t *data, uintptr_t start,
                            uintptr_t end)
{
    size_t low = 0, high = data->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (data->parts[middle].start <= start)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && start <= end && end <= data->parts[low - 1].end;
}

void sfpm_module_data_free(sfpm_module_data_t *data)
{
    free(data->name);
    free(data->parts);
    free(data->cuts);
    *data = (sfpm_module_data_t){0};
}
