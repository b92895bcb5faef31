/* SPDX-License-Identifier: MIT */
/* Running one program in both engines, which must leave the same state. */
#ifndef SFPM_TESTS_ENGINES_H
#define SFPM_TESTS_ENGINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/vm.h>

/* Output that nobody wants. */
bool write_nowhere(void *context, const void *bytes, size_t size);

/* Ends the program with a message and the library's last error. */
_Noreturn void broken_promise(const char *what);

/* Runs `fast` and `simple`, which hold the same state, for some steps and compares what
 * they then hold. Ends the program where one cannot run or they differ. `max_memory`:
 * bytes. */
void run_both(sfpm_vm_t *fast, sfpm_vm_t *simple, uint64_t max_memory);

#endif
