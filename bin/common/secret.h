/* SPDX-License-Identifier: MIT */
/*
 * What opens and encrypts images: a key from a file, a passphrase from a descriptor
 * or the terminal. Never from the command line, which others can see.
 */
#ifndef SFPM_BIN_SECRET_H
#define SFPM_BIN_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>

enum { SECRET_KEY = 32, SECRET_PASSPHRASE = 1024 };

typedef struct secret {
    sfpm_secret_t secret; /* for the library; it points to what is below */
    bool known;
    uint8_t key[SECRET_KEY];
    char passphrase[SECRET_PASSPHRASE];
} secret_t;

/* Reads a key file: 32 bytes, or 64 hexadecimal digits and perhaps a newline.
 * Returns false with *status set. */
bool secret_read_key(secret_t *secret, const char *path, int *status);

/* Reads a passphrase from a descriptor, up to a newline or the end.
 * option: the one that gave the number, for messages */
bool secret_read_passphrase(secret_t *secret, const char *option, int fd, int *status);

/* Asks for a passphrase on the terminal, without echo; a `fresh` one twice.
 * Returns false after printing why, silently when standard input is no terminal. */
bool secret_prompt(secret_t *secret, const char *name, bool fresh);

/* Understands an even number of hexadecimal digits. */
bool secret_parse_hex(const char *text, size_t digits, uint8_t *bytes);

/* Overwrites it. */
void secret_wipe(secret_t *secret);

#endif
