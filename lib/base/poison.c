/* SPDX-License-Identifier: MIT */
/* Asks and tells AddressSanitizer and valgrind which memory may be used. */
#include "base/poison.h"

#if defined(HAVE_VALGRIND_MEMCHECK_H)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_NOACCESS(at, size)  ((void)(at), (void)(size), 0)
#define VALGRIND_MAKE_MEM_UNDEFINED(at, size) ((void)(at), (void)(size), 0)
#define VALGRIND_MAKE_MEM_DEFINED(at, size)   ((void)(at), (void)(size), 0)
#endif

/* Defined by the sanitizer, in the program or beside it. */
#if defined(__GNUC__) && defined(__ELF__)
__attribute__((weak)) void __asan_poison_memory_region(const volatile void *, size_t);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *, size_t);
#define HAVE_ASAN (__asan_poison_memory_region && __asan_unpoison_memory_region)
#else
#define __asan_poison_memory_region(at, size)   ((void)(at), (void)(size))
#define __asan_unpoison_memory_region(at, size) ((void)(at), (void)(size))
#define HAVE_ASAN                               false
#endif

bool sfpm_is_watched(void)
{
    char byte = 0;
    /* Other tools than memcheck do not answer. */
    return HAVE_ASAN || VALGRIND_MAKE_MEM_DEFINED(&byte, sizeof byte) != 0;
}

void sfpm_poison(const void *at, size_t size)
{
    if (HAVE_ASAN)
        __asan_poison_memory_region(at, size);
    (void)VALGRIND_MAKE_MEM_NOACCESS(at, size);
}

void sfpm_unpoison(const void *at, size_t size, bool initialised)
{
    if (HAVE_ASAN)
        __asan_unpoison_memory_region(at, size);
    if (initialised)
        (void)VALGRIND_MAKE_MEM_DEFINED(at, size);
    else
        (void)VALGRIND_MAKE_MEM_UNDEFINED(at, size);
}
