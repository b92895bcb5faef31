/* SPDX-License-Identifier: MIT */
/*
 * Lists the loaded executable and libraries with their build-ids: addresses of functions
 * and data in saved memory mean something only relative to these.
 */
#include "base/modules.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

#if defined(__linux__)
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

/* Notes are padded to 4 bytes, or to 8 in segments aligned so. */
static size_t padded(size_t size, size_t unit)
{
    return (size + unit - 1) & ~(unit - 1);
}

/* Looks through one segment of notes: name size, content size and type, 32
 * bits each, then name and content. */
static void search_notes(const uint8_t *notes, size_t size, size_t unit, char *text)
{
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) header;
        memcpy(&header, notes, sizeof header);
        size_t content = padded(sizeof header + header.n_namesz, unit);
        if (content > size || header.n_descsz > size - content)
            return;
        if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 &&
            memcmp(notes + sizeof header, "GNU", 4) == 0 &&
            header.n_descsz <= (SFPM_BUILD_ID_SIZE - 1) / 2) {
            sfpm_hex(text, notes + content, header.n_descsz);
            return;
        }
        size_t whole = padded(content + header.n_descsz, unit);
        if (whole > size)
            return;
        notes += whole;
        size -= whole;
    }
}

/* Notes need not be in memory. */
static bool is_readable(const struct dl_phdr_info *info, const ElfW(Phdr) * notes)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_R) &&
            notes->p_vaddr >= segment->p_vaddr && notes->p_memsz <= segment->p_filesz &&
            notes->p_vaddr - segment->p_vaddr <= segment->p_filesz - notes->p_memsz)
            return true;
    }
    return false;
}

static void add_segment(sfpm_module_t *module, const struct dl_phdr_info *info,
                        const ElfW(Phdr) * segment)
{
    uintptr_t start = module->base + (uintptr_t)segment->p_vaddr;
    uintptr_t end = start + (uintptr_t)segment->p_memsz;
    if (segment->p_type == PT_NOTE && is_readable(info, segment))
        search_notes((const uint8_t *)start, segment->p_memsz,
                     segment->p_align == 8 ? 8 : 4, module->build_id);
    if (segment->p_type != PT_LOAD || segment->p_memsz == 0)
        return;
    if (module->end == 0 || start < module->start)
        module->start = start;
    if (end > module->end)
        module->end = end;
}

typedef struct each {
    bool (*visit)(void *context, const sfpm_module_t *module);
    void *context;
} each_t;

static int show(struct dl_phdr_info *info, size_t size, void *context)
{
    const each_t *each = context;
    const char *path = info->dlpi_name ? info->dlpi_name : "";
    const char *slash = strrchr(path, '/');
    sfpm_module_t module = {.base = (uintptr_t)info->dlpi_addr,
                            .name = slash ? slash + 1 : path};
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        add_segment(&module, info, &info->dlpi_phdr[i]);
    /* The kernel's own page is no file, and lies anywhere. */
    if (module.end == 0 || module.start == getauxval(AT_SYSINFO_EHDR))
        return 0;
    return !each->visit(each->context, &module);
}

void sfpm_modules_each(bool (*visit)(void *context, const sfpm_module_t *module),
                       void *context)
{
    each_t each = {visit, context};
    dl_iterate_phdr(show, &each);
}
#else
void sfpm_modules_each(bool (*visit)(void *context, const sfpm_module_t *module),
                       void *context)
{
    (void)visit;
    (void)context;
}
#endif

const char *sfpm_program_name(void)
{
#if defined(__GLIBC__) || defined(__linux__)
    return program_invocation_short_name;
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) ||               \
    defined(__OpenBSD__)
    return getprogname();
#else
    return "";
#endif
}
