/* SPDX-License-Identifier: MIT */
/*
 * For a build that counts branches: every source includes this first. What records an
 * error always returns false; without optimisation the compiler does not know, and gcov
 * would count a branch that cannot be taken for each `condition || sfpm_fail(...)`. The
 * definitions have their names in parentheses, where macros are not expanded.
 */
#if !defined(SFPM_TESTS_COVERAGE_H) && !defined(__cplusplus)
#define SFPM_TESTS_COVERAGE_H

#include "../lib/base/error.h"
#include "../lib/bytecode/program.h"
#include "../lib/image/image.h"
#include "../lib/wasm/reader.h"

#define sfpm_fail(...)             ((void)sfpm_fail(__VA_ARGS__), false)
#define sfpm_fail_at(...)          ((void)sfpm_fail_at(__VA_ARGS__), false)
#define sfpm_fail_code(...)        ((void)sfpm_fail_code(__VA_ARGS__), false)
#define sfpm_fail_errno(...)       ((void)sfpm_fail_errno(__VA_ARGS__), false)
#define sfpm_fail_in_region(...)   ((void)sfpm_fail_in_region(__VA_ARGS__), false)
#define sfpm_fail_memory(...)      ((void)sfpm_fail_memory(__VA_ARGS__), false)
#define sfpm_fail_named(...)       ((void)sfpm_fail_named(__VA_ARGS__), false)
#define sfpm_fail_prefix(...)      ((void)sfpm_fail_prefix(__VA_ARGS__), false)
#define sfpm_fail_remedy(...)      ((void)sfpm_fail_remedy(__VA_ARGS__), false)
#define sfpm_image_fail_named(...) ((void)sfpm_image_fail_named(__VA_ARGS__), false)
#define sfpm_wasm_fail(...)        ((void)sfpm_wasm_fail(__VA_ARGS__), false)
#define sfpm_wasm_lacks(...)       ((void)sfpm_wasm_lacks(__VA_ARGS__), false)

#endif
