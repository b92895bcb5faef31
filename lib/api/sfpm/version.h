/* SPDX-License-Identifier: MIT */
/**
 * @file version.h
 * The version of the library, at compile time and at run time, and the macro
 * that marks exported functions.
 */
#ifndef SFPM_VERSION_H
#define SFPM_VERSION_H

#include <stdint.h>

#define SFPM_VERSION_MAJOR  0
#define SFPM_VERSION_MINOR  3
#define SFPM_VERSION_PATCH  0
#define SFPM_VERSION_STRING "0.3.0"

/** One number that compares as versions do: (major << 16) | (minor << 8) | patch. */
#define SFPM_VERSION_NUMBER                                                              \
    ((SFPM_VERSION_MAJOR << 16) | (SFPM_VERSION_MINOR << 8) | SFPM_VERSION_PATCH)

/** The image format that this library writes. It also reads version 1. */
#define SFPM_FORMAT_VERSION 2

#if defined(__GNUC__)
#define SFPM_API __attribute__((visibility("default")))
#else
#define SFPM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** @return SFPM_VERSION_STRING of the library in use; a constant. */
SFPM_API const char *sfpm_version_string(void);

#ifdef __cplusplus
}
#endif

#endif
