/* SPDX-License-Identifier: MIT */
/* Reads programs, recognises WebAssembly modules among them, and makes images of these for
 * tools that take images. */
#include "common/module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sfpm/vm.h>

#include "common/escape.h"
#include "common/input.h"
#include "common/machine.h"
#include "common/options.h"
#include "common/tool.h"

static const char magic[4] = {'\0', 'a', 's', 'm'};

bool module_is(const void *bytes, size_t size)
{
    return size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

bool module_is_text(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && (strchr(" \t\r\n;", text[at]) != NULL))
        if (text[at] == ';')
            while (at < size && text[at] != '\n')
                at++;
        else
            at++;
    return at < size && text[at] == '(';
}

/* A pipe with a name is opened only once: its writer would take the second reader for the
 * end of the first. */
bool module_is_file(const char *path)
{
    char bytes[sizeof magic];
    struct stat file;
    if (path && (stat(path, &file) != 0 || !S_ISREG(file.st_mode)))
        return false;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : STDIN_FILENO;
    off_t at = fd >= 0 ? lseek(fd, 0, SEEK_CUR) : -1;
    bool is = at >= 0 && pread(fd, bytes, sizeof bytes, at) == (ssize_t)sizeof bytes &&
              module_is(bytes, sizeof bytes);
    if (path && fd >= 0)
        close(fd);
    return is;
}

static void print_fault(void *context, const char *file, uint32_t line, uint32_t column,
                        const char *text)
{
    (void)context;
    escape_message(stderr, file);
    fprintf(stderr, ":%u:%u: ", (unsigned)line, (unsigned)column);
    escape_message(stderr, text);
    fputc('\n', stderr);
}

/* The assembler's faults have their own form, which editors understand. */
bool module_load(sfpm_vm_t *vm, const char *name, const char *text, size_t size, bool raw)
{
    if (raw || module_is(text, size)) {
        if (sfpm_vm_load_code(vm, text, size))
            return true;
        tool_fail_last(name);
        return false;
    }
    if (module_is_text(text, size)) {
        tool_fail(name, "is WebAssembly text: make a module of it first, with wat2wasm or "
                        "'wasm-tools parse'");
        return false;
    }
    const char *zero = memchr(text, '\0', size);
    if (zero) {
        tool_fail(name,
                  "not assembly text: byte %zu is zero (run an image with sfpm-run, save "
                  "bare code with --raw)",
                  (size_t)(zero - text));
        return false;
    }
    if (sfpm_vm_assemble(vm, text, size, name, print_fault, NULL))
        return true;
    if (sfpm_last_status() != SFPM_ERR_SYNTAX && sfpm_last_status() != SFPM_ERR_BYTECODE)
        tool_fail_last(name);
    return false;
}

sfpm_vm_t *module_program(const char *path)
{
    char *text;
    size_t size;
    if (!input_read(path, MODULE_MAX, &text, &size))
        return NULL;
    sfpm_vm_t *vm = machine_create();
    if (!vm)
        tool_fail_last(path);
    if (vm && !module_load(vm, path ? path : "<stdin>", text, size, false)) {
        sfpm_vm_destroy(vm);
        vm = NULL;
    }
    free(text);
    return vm;
}

/* Writes the machine, with what the options say about storage. */
static bool write_image(sfpm_vm_t *vm, FILE *file, const char *label)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok = edit && options_fill_storage(edit) && sfpm_vm_fill_edit(vm, edit) &&
              sfpm_edit_set_creator(edit, tool_creator()) &&
              sfpm_edit_save_fd(edit, fileno(file), label, NULL) &&
              lseek(fileno(file), 0, SEEK_SET) == 0;
    sfpm_edit_destroy(edit);
    return ok;
}

static FILE *make_image(const char *bytes, size_t size, const char *label)
{
    sfpm_vm_t *vm = machine_create();
    if (!vm || !sfpm_vm_load_code(vm, bytes, size)) {
        tool_fail_last(label);
        sfpm_vm_destroy(vm);
        return NULL;
    }
    FILE *file = tmpfile();
    if (!file) {
        tool_fail(label, "cannot make a temporary file: %s", strerror(errno));
    } else if (!write_image(vm, file, label)) {
        tool_fail_last(label);
        fclose(file);
        file = NULL;
    }
    sfpm_vm_destroy(vm);
    return file;
}

FILE *module_image(const char *path, const char *label)
{
    char *bytes;
    size_t size;
    if (!input_read(path, MODULE_MAX, &bytes, &size))
        return NULL;
    FILE *file = make_image(bytes, size, label);
    free(bytes);
    return file;
}
