/* SPDX-License-Identifier: MIT */
/**
 * @file sfpm.h
 * All of libsfpm.
 */
#ifndef SFPM_SFPM_H
#define SFPM_SFPM_H

#include <sfpm/error.h>
#include <sfpm/heap.h>
#include <sfpm/hooks.h>
#include <sfpm/image.h>
#include <sfpm/job.h>
#include <sfpm/memfs.h>
#include <sfpm/migrate.h>
#include <sfpm/number.h>
#include <sfpm/opcode.h>
#include <sfpm/reload.h>
#include <sfpm/resource.h>
#include <sfpm/snapshot.h>
#include <sfpm/version.h>
#include <sfpm/vm.h>
#include <sfpm/wasi.h>

#endif
