/* SPDX-License-Identifier: MIT */
/* Encrypted samples that somebody without the key put together. */
#ifndef SFPM_TESTS_FORKS_H
#define SFPM_TESTS_FORKS_H

#include "maker.h"

void bad_splice(maker_t *maker);
void bad_hidden(maker_t *maker);
void bad_unbound(maker_t *maker);

#endif
