/* SPDX-License-Identifier: MIT */
/*
 * Libraries that are opened on first use. Most runs neither compress nor encrypt,
 * and loading libcrypto alone takes longer than a tool's whole start.
 */
#ifndef SFPM_CODEC_LIBRARY_H
#define SFPM_CODEC_LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __has_feature
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#endif
#endif

/* The only variables of libsfpm that change, besides the thread's last error, are
 * these descriptions with the functions found: a library is opened once for the
 * process and never closed, so what they say is the same for every user. */
typedef struct sfpm_library {
    const char *name;           /* its name for users */
    const char *soname;         /* as configure found it */
    const char *package;        /* the package of Debian that holds it */
    const char *const *symbols; /* the functions wanted */
    size_t num_symbols;
    atomic_bool ready; /* the functions can be called */
} sfpm_library_t;

/* Says in the ELF note .note.dlopen that a library may be opened, so that packages can
 * depend on it: the format of
 * https://uapi-group.org/specifications/specs/elf_dlopen_metadata/. */
#ifdef __ELF__
#define SFPM_LIBRARY_NOTE(feature, description, soname)                                  \
    SFPM_LIBRARY_NOTE_OF("[{\"feature\":\"" feature "\",\"description\":\"" description   \
                         "\",\"priority\":\"recommended\",\"soname\":[\"" soname "\"]}]")
#if defined(__clang__) /* whose AddressSanitizer would put a gap behind each note */
#define SFPM_NOTE_ATTRIBUTES used, section(".note.dlopen"), no_sanitize("address")
#else
#define SFPM_NOTE_ATTRIBUTES used, section(".note.dlopen")
#endif
#define SFPM_LIBRARY_NOTE_OF(json)                                                       \
    __attribute__((SFPM_NOTE_ATTRIBUTES)) _Alignas(4) static const struct {              \
        uint32_t name_size, size, type;                                                  \
        char name[4];                                                                    \
        _Alignas(4) char text[sizeof(json)];                                             \
    } note = {4, sizeof(json), 0x407c0c0a, "FDO", json};
#else
#define SFPM_LIBRARY_NOTE(feature, description, soname)
#endif

/* The members of a struct of function pointers, their names, and a check that the
 * library's header declares the same type, from a list of FUNCTION(result, name,
 * parameters). */
#define SFPM_LIBRARY_MEMBER(result, name, parameters) result(*name) parameters;
#define SFPM_LIBRARY_NAME(result, name, parameters)   #name,
#define SFPM_LIBRARY_CHECK(result, name, parameters)                                     \
    _Static_assert(_Generic(&name, result(*) parameters : 1, default : 0),               \
                   "the header declares " #name " otherwise");

/* Opens the library unless it is already open, and stores the addresses of its functions
 * in `functions`, a struct of function pointers in the order of the symbols. Thread-safe.
 * SFPM_ERR_UNSUPPORTED names the library and its package. */
bool sfpm_library_load(sfpm_library_t *library, void *functions);

/* MSan has not compiled the libraries: between these two it does not ask whether what
 * they read is initialised, and what they wrote has to be told. Nothing else uses them. */
#ifdef MSAN_INTERFACE_H
#define sfpm_library_enter()         __msan_scoped_disable_interceptor_checks()
#define sfpm_library_leave()         __msan_scoped_enable_interceptor_checks()
#define sfpm_library_wrote(to, size) __msan_unpoison((to), (size))
#else
#define sfpm_library_enter()         ((void)0)
#define sfpm_library_leave()         ((void)0)
#define sfpm_library_wrote(to, size) ((void)0)
#endif

/* Reports that this build was configured without a library: SFPM_ERR_UNSUPPORTED. */
bool sfpm_library_left_out(const char *name, const char *package);

#endif
