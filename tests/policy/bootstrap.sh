#!/bin/sh
# SPDX-License-Identifier: MIT
# ./bootstrap installs what is missing and nothing else, says so before, and
# knows when it may not. The system's programs are stood in for.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

mkdir fake copy
cp "$top_srcdir/bootstrap" copy
PATH=$PWD/fake:$PATH
# stand_in PROGRAM COMMANDS
stand_in() {
    printf '#!/bin/sh\n%s\n' "$2" >"fake/$1"
    chmod +x "fake/$1"
}
log=$PWD/log
stand_in apt-get "echo \"apt-get \$*\" >>'$log'"
stand_in sudo "echo sudo >>'$log'; exec \"\$@\""
stand_in id 'echo 0'
# Everything is installed but these.
stand_in dpkg-query 'case $* in *popt* | *strace*) exit 1 ;; *) echo installed ;; esac'

succeeds copy/bootstrap deps --no-install
expect_stdout_match 'apt-get install .* libpopt-dev$'
expect_no_file log

succeeds copy/bootstrap deps
expect_stdout_match 'installing: libpopt-dev$'
expect grep -qx 'apt-get install -y --no-install-recommends libpopt-dev' log
expect_not grep -q sudo log
rm log

succeeds copy/bootstrap deps --all
expect grep -qx 'apt-get install .* strace' log
rm log

stand_in id 'echo 1000'
succeeds copy/bootstrap deps
expect grep -q sudo log
rm log

stand_in apt-get "echo \"apt-get \$*\" >>'$log'; exit 100"
expect_status 100 copy/bootstrap deps
rm log

stand_in dpkg-query 'echo installed'
succeeds copy/bootstrap deps
expect_stdout ''
expect_no_file log

expect_status 2 copy/bootstrap nonsense
expect_stderr_match '^usage: '
succeeds copy/bootstrap --help

# Elsewhere: the names, and an end. Only what the script needs is in PATH.
mkdir elsewhere
for program in sh dirname grep; do
    ln -s "$(command -v "$program")" "elsewhere/$program"
done
expect_status 1 env PATH="$PWD/elsewhere" copy/bootstrap deps
expect_stderr_match 'libpopt-dev'
succeeds env PATH="$PWD/elsewhere" copy/bootstrap deps --no-install
expect_stdout_match 'libpopt-dev'
