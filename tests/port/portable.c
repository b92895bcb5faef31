/* SPDX-License-Identifier: MIT */
/*
 * A machine on whatever this is compiled for, with the library alone:
 *
 *     portable PROGRAM.s IMAGE STEPS   runs the first steps and saves
 *     portable IMAGE                   goes on to the end, and saves
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/sfpm.h>

static bool print(void *context, const void *bytes, size_t size)
{
    (void)context;
    return fwrite(bytes, 1, size, stdout) == size;
}

static bool run(sfpm_vm_t *vm, const char *image, const char *steps)
{
    sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                     .max_steps = steps ? strtoull(steps, NULL, 10) : 0,
                                     .output = print};
    return sfpm_vm_run(vm, &options) && sfpm_vm_save(vm, image);
}

static bool assemble(sfpm_vm_t *vm, const char *name)
{
    static char text[1 << 16];
    FILE *file = fopen(name, "rb");
    size_t size = file ? fread(text, 1, sizeof text, file) : 0;
    if (file)
        fclose(file);
    return size > 0 && sfpm_vm_assemble(vm, text, size, name, NULL, NULL);
}

int main(int argc, char **argv)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    bool good =
        vm && (argc == 4   ? assemble(vm, argv[1]) && run(vm, argv[2], argv[3])
               : argc == 2 ? sfpm_vm_restore(vm, argv[1]) && run(vm, argv[1], NULL)
                           : false);
    if (!good)
        fprintf(stderr, "portable: %s\n", sfpm_last_error());
    sfpm_vm_destroy(vm);
    return good && fflush(stdout) == 0 ? 0 : 1;
}
