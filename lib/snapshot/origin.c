/* SPDX-License-Identifier: MIT */
#include "snapshot/origin.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <elf.h>
#include <link.h>
#endif

#if defined(__x86_64__) && defined(__ILP32__)
#define PROCESSOR "x32"
#elif defined(__x86_64__) || defined(_M_X64)
#define PROCESSOR "x86_64"
#elif defined(__i386__)
#define PROCESSOR "i386"
#elif defined(__aarch64__)
#define PROCESSOR "aarch64"
#elif defined(__ARM_PCS_VFP)
#define PROCESSOR "armhf"
#elif defined(__arm__)
#define PROCESSOR "arm"
#elif defined(__riscv)
#define PROCESSOR "riscv"
#elif defined(__powerpc__)
#define PROCESSOR "powerpc"
#elif defined(__s390__)
#define PROCESSOR "s390"
#elif defined(__mips__)
#define PROCESSOR "mips"
#elif defined(__sparc__)
#define PROCESSOR "sparc"
#elif defined(__loongarch__)
#define PROCESSOR "loongarch"
#else
#define PROCESSOR "unknown"
#endif

#if defined(__linux__)
#define SYSTEM "linux"
#elif defined(__FreeBSD__)
#define SYSTEM "freebsd"
#elif defined(__NetBSD__)
#define SYSTEM "netbsd"
#elif defined(__OpenBSD__)
#define SYSTEM "openbsd"
#elif defined(__APPLE__)
#define SYSTEM "darwin"
#else
#define SYSTEM "posix"
#endif

/* Musl names itself nowhere; on Linux it is what is left over. */
#if defined(__GLIBC__)
#define LIBRARY "-gnu"
#elif defined(__linux__)
#define LIBRARY "-musl"
#else
#define LIBRARY ""
#endif

#if UINTPTR_MAX > 0xffffffffU
#define WIDTH "64"
#else
#define WIDTH "32"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ORDER "be"
#else
#define ORDER "le"
#endif

const char *sfpm_origin_architecture(void)
{
    return PROCESSOR "-" SYSTEM LIBRARY "-" WIDTH ORDER;
}

const char *sfpm_origin_program(void)
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

#if defined(__linux__)
static void to_hexadecimal(char *text, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

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
            to_hexadecimal(text, notes + content, header.n_descsz);
            return;
        }
        size_t whole = padded(content + header.n_descsz, unit);
        if (whole > size)
            return;
        notes += whole;
        size -= whole;
    }
}

/* The first object that is told is the main executable. */
static int first_object(struct dl_phdr_info *info, size_t size, void *text)
{
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_NOTE)
            search_notes((const uint8_t *)(uintptr_t)(info->dlpi_addr + segment->p_vaddr),
                         segment->p_memsz, segment->p_align == 8 ? 8 : 4, text);
    }
    return 1;
}
#endif

void sfpm_origin_build_id(char text[SFPM_BUILD_ID_SIZE])
{
    text[0] = '\0';
#if defined(__linux__)
    dl_iterate_phdr(first_object, text);
#endif
}
