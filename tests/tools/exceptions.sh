#!/bin/sh
# SPDX-License-Identifier: MIT
# C++ exceptions pass through the library: what they leave behind is abandoned, and used
# again.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

library=$top_builddir/.libs
[ -f "$library/libsfpm.so" ] || skip "libsfpm.so was not built"
! grep -q __asan_init "$library/libsfpm.so" || skip "exceptions leave memory behind"
CXX=${CXX:-c++}
printf 'int main() { return 0; }\n' >try.cc
# shellcheck disable=SC2086
$CXX -o try try.cc 2>/dev/null || skip "no C++ compiler"

cat >throw.cc <<'END'
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <sfpm/sfpm.h>

static bool throws;

static sfpm_native_result_t native(void *, sfpm_vm_t *, const sfpm_value_t *, sfpm_value_t *)
{
    if (throws)
        throw std::runtime_error("from a native function");
    return SFPM_NATIVE_DONE;
}

static bool output(void *, const void *, size_t)
{
    if (throws)
        throw std::runtime_error("from output");
    return true;
}

static const char text[] = ".import host f f\n.export a func a\n.export b func b\n"
                           ".func a -> i64\n call f\n i64.const 7\n return\n"
                           ".func b -> i64\n i64.const 7\n print\n return\n"
                           ".func main\n halt\n";

static int fail(const char *what)
{
    std::printf("%s: %s\n", what, sfpm_last_error());
    return 1;
}

static int use(sfpm_vm_t *vm, const char *name, sfpm_vm_engine_t engine)
{
    sfpm_vm_run_options_t how = {};
    how.struct_size = sizeof how;
    how.engine = engine;
    how.output = output;
    sfpm_value_t result = {};
    throws = true;
    try {
        sfpm_vm_call(vm, name, nullptr, 0, &result, 1, &how);
        return fail("it returned");
    } catch (const std::runtime_error &error) {
        std::printf("%s\n", error.what());
    }
    throws = false;
    if (sfpm_vm_call(vm, name, nullptr, 0, &result, 1, &how))
        return fail("it was not running");
    if (!sfpm_vm_abandon(vm) || !sfpm_vm_call(vm, name, nullptr, 0, &result, 1, &how))
        return fail("not to be used again");
    return result.i64 == 7 ? 0 : fail("another result");
}

static bool before_save(void *)
{
    if (throws)
        throw std::runtime_error("from a hook");
    return true;
}

static int use_snapshot()
{
    static int value = 1;
    sfpm_memory_region_t region = {&value, sizeof value, "value", false};
    sfpm_hooks_t hooks = {};
    hooks.struct_size = sizeof hooks;
    hooks.before_save = before_save;
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    if (!snapshot || !sfpm_snapshot_add_region(snapshot, &region) ||
        !sfpm_snapshot_add_hooks(snapshot, &hooks) || !sfpm_snapshot_save(snapshot, "a.img"))
        return fail("making the snapshot");
    throws = true;
    try {
        sfpm_snapshot_commit(snapshot, "a.img", nullptr);
        return fail("it returned");
    } catch (const std::runtime_error &error) {
        std::printf("%s\n", error.what());
    }
    throws = false;
    value = 2;
    if (sfpm_snapshot_commit(snapshot, "a.img", nullptr))
        return fail("it was not left");
    if (!sfpm_snapshot_abandon(snapshot) || !sfpm_snapshot_commit(snapshot, "a.img", nullptr))
        return fail("not to be used again");
    value = 3;
    if (!sfpm_snapshot_restore("a.img", snapshot) || value != 2)
        return fail("another state");
    sfpm_snapshot_destroy(snapshot);
    return 0;
}

int main()
{
    sfpm_vm_t *vm = sfpm_vm_create();
    if (!vm || !sfpm_vm_import(vm, "host", "f", "", native, nullptr) ||
        !sfpm_vm_assemble(vm, text, std::strlen(text), "t.s", nullptr, nullptr))
        return fail("making the machine");
    for (sfpm_vm_engine_t engine : {SFPM_VM_ENGINE_SIMPLE, SFPM_VM_ENGINE_FAST})
        if (use(vm, "a", engine) || use(vm, "b", engine))
            return 1;
    sfpm_vm_destroy(vm);
    return use_snapshot();
}
END
# shellcheck disable=SC2086
succeeds $CXX -std=c++17 -Wall -Wextra -Werror -I "$top_srcdir/lib/api" -o throw throw.cc \
    -L "$library" -lsfpm
succeeds ./throw
expect_stdout 'from a native function
from output
from a native function
from output
from a hook'
