/* SPDX-License-Identifier: MIT */
/* A program of the machine inside a C program: it calls us, and we call it; its state
 * is kept in a file between two runs of this program. */
#include <stdio.h>
#include <string.h>

#include <sfpm/sfpm.h>

static const char program[] = ".import host say say i64\n"
                              ".global total 0\n"
                              ".export add func add\n"
                              ".func add i64 -> i64\n"
                              "        local.get 0\n"
                              "        global.get total\n"
                              "        add\n"
                              "        global.set total\n"
                              "        global.get total\n"
                              "        call say\n"
                              "        global.get total\n"
                              "        return\n"
                              ".func main\n"
                              "        halt\n";

static sfpm_native_result_t say(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                sfpm_value_t *results)
{
    (void)vm;
    (void)results;
    printf("%s %lld\n", (const char *)context, (long long)params[0].i64);
    return SFPM_NATIVE_DONE;
}

/* The machine of the last run, or a new one. */
static bool prepare(sfpm_vm_t *vm, const char *file)
{
    if (!sfpm_vm_import(vm, "host", "say", "i64", say, "The total is"))
        return false;
    if (sfpm_vm_restore(vm, file))
        return true;
    return sfpm_last_status() == SFPM_ERR_NOT_FOUND &&
           sfpm_vm_assemble(vm, program, strlen(program), "embed.s", NULL, NULL);
}

int main(void)
{
    sfpm_vm_run_options_t limits = {.struct_size = sizeof limits, .max_steps = 1000};
    const sfpm_value_t five = {.type = SFPM_TYPE_I64, .i64 = 5};
    sfpm_value_t total;
    sfpm_vm_t *vm = sfpm_vm_create();
    bool ok = vm && prepare(vm, "embed.img") &&
              sfpm_vm_call(vm, "add", &five, 1, &total, 1, &limits) &&
              sfpm_vm_save(vm, "embed.img");
    if (!ok)
        fprintf(stderr, "embed: %s\n", sfpm_last_error());
    sfpm_vm_destroy(vm);
    return ok ? 0 : 1;
}
