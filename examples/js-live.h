/* SPDX-License-Identifier: MIT */
/* What js-live's parts ask of each other. */
#ifndef JS_LIVE_H
#define JS_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <sfpm/sfpm.h>

/* Words of the session: addresses in the engine's memory, but for flags and numbers. */
enum {
    SOURCE,  /* what is being evaluated; 0: nothing is */
    SHOW,    /* whether its value is to be shown */
    CHANGES, /* the number of changes of promises, which follow */
    CHANGE,  /* a promise, its reason, and whether the rejection is handled now */
    CHANGE_WORDS = 3,
    MOST_CHANGES = 512, /* during one call; more are not reported */
    WORDS = CHANGE + MOST_CHANGES * CHANGE_WORDS
};

typedef struct live {
    const char *file, *engine, *code;
    sfpm_vm_t *vm;
    sfpm_wasi_t *wasi;
    sfpm_image_t *image;
    uint32_t session;
    uint64_t steps; /* left to this process */
    bool limited;   /* to them */
    bool abandon;   /* what was stopped is to end */
    bool save;      /* as the program asked for */
    bool failed;    /* the program, with an error that nothing caught */
} live_t;

extern live_t live;

/* Says what is wrong; returns false. */
bool complain(const char *text);
/* Ends the process. The image is as it was. */
void die(const char *text);

/* Offers the machine what the engine imports. */
bool offer_functions(void);

/* `size` bytes of the engine's memory, until it runs on; NULL when they are not in it. */
uint8_t *memory(int32_t address, uint64_t size);
/* A word of the session, likewise. */
uint8_t *word(uint32_t index);
/* The words of that memory are little-endian. `size` is in bytes. */
uint32_t load(const uint8_t *bytes);
void store(uint8_t *bytes, uint64_t value, int size);

#endif
