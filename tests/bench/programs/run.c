/* SPDX-License-Identifier: MIT */
/* Runs the machine of an image and does nothing else. */
#include <stdio.h>
#include <stdlib.h>

#include <sfpm/vm.h>

static bool print(void *file, const void *bytes, size_t size)
{
    return fwrite(bytes, 1, size, file) == size;
}

int main(int argc, char *argv[])
{
    sfpm_vm_run_options_t options = {
        .struct_size = sizeof options, .output = print, .output_context = stdout};
    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_image_t *image = argc == 2 ? sfpm_image_open(argv[1], NULL) : NULL;
    bool ran = vm && image && sfpm_vm_load_image(vm, image) && sfpm_vm_run(vm, &options);
    if (!ran)
        fprintf(stderr, "run: %s\n", sfpm_last_error());
    sfpm_image_close(image);
    sfpm_vm_destroy(vm);
    return ran ? EXIT_SUCCESS : EXIT_FAILURE;
}
