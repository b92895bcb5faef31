#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-inspect --usage and --json tell what of each commit is not needed any more.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

printf 'push 10\npush 5\nadd\nprint\nhalt\n' >sum.s
sfpm-save -o a.img sum.s
succeeds sfpm-inspect --usage a.img
expect_not grep -qE 'unused|torn' "$stdout"

# What the first commit holds but the code is still used, and nothing of the second.
sfpm-patch -q -i a.img 3=20
sfpm-patch -q -i a.img 3=7
succeeds sfpm-inspect --usage a.img
expect_stdout_match '^commit 3  [0-9]* bytes$'
expect_stdout_match '^commit 2 .* bytes, [1-9][0-9]* unused$'
expect_stdout_match '^commit 1 .* bytes, [1-9][0-9]* unused$'
cp "$stdout" log

# figure COMMIT WORD: a number from the log.
figure() {
    sed -n "s/^commit $1 .* \([0-9]*\) $2.*/\1/p" log
}
expect test "$(figure 2 unused)" -eq "$(figure 2 bytes)"
expect test "$(figure 1 unused)" -lt "$(figure 1 bytes)"

# Dropping the commits frees at most that.
sfpm-convert --keep 1 -o kept.img a.img
freed=$(($(wc -c <a.img) - $(wc -c <kept.img)))
expect test "$freed" -gt 0 -a "$freed" -le $(($(figure 1 unused) + $(figure 2 unused)))

# A commit that was interrupted, and one that passed over it.
cp a.img torn.img
sfpm-patch -q -i torn.img 3=8
head -c $(($(wc -c <torn.img) - 60)) torn.img >b.img
sfpm-patch -q -i b.img 3=9 2>/dev/null
succeeds sfpm-inspect --usage b.img
expect_stdout_match '^commit 4 .* bytes, [1-9][0-9]* torn$'
succeeds sfpm-convert -i --compact b.img
succeeds sfpm-inspect --usage b.img
expect_not grep -q torn "$stdout"

# In an encrypted and compressed image, a delta, and the original layout.
printf '%032d' 7 >key
chmod 600 key
if sfpm-convert --encrypt --key-file key -o sealed.img a.img 2>"$stderr"; then
    succeeds sfpm-inspect --key-file key --usage sealed.img
    expect_stdout_match '^commit 2 .*, [1-9][0-9]* unused'
fi
sfpm-convert --base a.img -o delta.img torn.img
sfpm-patch -q -i delta.img 3=1
succeeds sfpm-inspect --usage delta.img
expect_stdout_match '^commit 4 .*, [1-9][0-9]* unused'
sfpm-convert --to-v1 -o v1.img a.img
succeeds sfpm-inspect --usage v1.img
expect_not grep -q unused "$stdout"

# The sum of all; no figures in the log.
succeeds sfpm-inspect --usage a.img
expect_stdout_match "^total  $(wc -c <a.img) bytes, $(($(figure 1 unused) + $(figure 2 unused))) unused\$"
succeeds sfpm-inspect --log a.img
expect_not grep -q unused "$stdout"

# Damage hides the figures, not the log.
offset=$(LC_ALL=C grep -obUa LEAF a.img | tail -n 1 | cut -d: -f1)
cp a.img damaged.img
printf X | dd of=damaged.img bs=1 seek=$((offset + 40)) conv=notrunc status=none
succeeds sfpm-inspect --log damaged.img
expect_stdout_match '^commit 1 '
expect_status 1 sfpm-inspect --usage damaged.img
expect_stdout ''
expect_stderr_match 'damaged.img: .*damaged'

needs python3
cat >check.py <<'END'
import json, sys
commits = json.load(sys.stdin)["commits"]
print([[c[k] for k in ("unused", "torn")] for c in commits])
END
sfpm-inspect --json a.img | python3 check.py >found
echo "[[$(figure 1 unused), 0], [$(figure 2 unused), 0], [0, 0]]" >wanted
expect_same wanted found
sfpm-inspect --json damaged.img | python3 check.py >found 2>/dev/null
echo '[[None, None], [None, None], [None, None]]' >wanted
expect_same wanted found
