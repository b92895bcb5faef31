/* SPDX-License-Identifier: MIT */
/* Setting the floating-point environment: by the processor's own registers on x86 and
 * 64-bit ARM, which is quick and needs no libm, and by <fenv.h> elsewhere. */
#include "base/float_env.h"

#if defined SFPM_FLOAT_ENV_X86

#include <xmmintrin.h>

/* The control bits only: the flags of past exceptions are ignored. */
enum {
    MXCSR_CONTROL = 0xFFC0,
    MXCSR_DEFAULT = 0x1F80,
    X87_CONTROL = 0x0F3F, /* glibc's strtod() and printf() round as the x87 does */
    X87_DEFAULT = 0x033F,
    X87_START = 0x037F
};

void sfpm_float_env_enter(sfpm_float_env_t *before)
{
    const unsigned short start = X87_START;
    before->mxcsr = _mm_getcsr();
    before->control = 0; /* MSan does not see what assembly writes */
    __asm__ volatile("fnstcw %0" : "+m"(before->control));
    before->changed = (before->mxcsr & MXCSR_CONTROL) != MXCSR_DEFAULT ||
                      (before->control & X87_CONTROL) != X87_DEFAULT;
    if (!before->changed)
        return;
    _mm_setcsr(MXCSR_DEFAULT);
    __asm__ volatile("fldcw %0" : : "m"(start));
}

void sfpm_float_env_leave(const sfpm_float_env_t *before)
{
    if (!before->changed)
        return;
    _mm_setcsr(before->mxcsr);
    __asm__ volatile("fldcw %0" : : "m"(before->control));
}

#elif defined SFPM_FLOAT_ENV_ARM64

static void set(unsigned long fpcr)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
}

void sfpm_float_env_enter(sfpm_float_env_t *before)
{
    __asm__ volatile("mrs %0, fpcr" : "=r"(before->fpcr));
    before->changed = before->fpcr != 0;
    if (before->changed)
        set(0);
}

void sfpm_float_env_leave(const sfpm_float_env_t *before)
{
    if (before->changed)
        set(before->fpcr);
}

#else

void sfpm_float_env_enter(sfpm_float_env_t *before)
{
    before->changed = fegetenv(&before->environment) == 0 && fesetenv(FE_DFL_ENV) == 0;
}

void sfpm_float_env_leave(const sfpm_float_env_t *before)
{
    if (before->changed)
        fesetenv(&before->environment);
}

#endif
