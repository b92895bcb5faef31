/* SPDX-License-Identifier: MIT */
/* SANITIZED: 1 under AddressSanitizer, ThreadSanitizer and MemorySanitizer: they are
 * slow, and need address space beyond any limit. */
#ifndef SFPM_TESTS_SANITIZED_H
#define SFPM_TESTS_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||               \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
