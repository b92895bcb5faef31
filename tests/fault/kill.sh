#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGKILL at every system call of a save (new and over an old image), a commit, and
# what the tools write: the old state or the new one is there, complete.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fault/lib.sh"

for operation in new_file save commit patch undo tool; do
    expect sweep_kill "$operation"
done
echo "$tried times killed" >&9

exec 9>/dev/null
stride=1
expect_not sweep_kill overwrite
