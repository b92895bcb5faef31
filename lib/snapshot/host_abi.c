/* SPDX-License-Identifier: MIT */
/*
 * Names the architecture, the ABI and the build of this process, which are recorded with
 * native regions and compared before they are restored.
 */
#include "snapshot/host_abi.h"

#include <stdint.h>
#include <string.h>

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

/* The first module is the main executable. */
static bool copy_build_id(void *text, const sfpm_module_t *module)
{
    memcpy(text, module->build_id, SFPM_BUILD_ID_SIZE);
    return false;
}

void sfpm_origin_build_id(char text[SFPM_BUILD_ID_SIZE])
{
    text[0] = '\0';
    sfpm_modules_each(copy_build_id, text);
}
