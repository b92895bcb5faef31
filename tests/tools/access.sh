#!/bin/sh
# SPDX-License-Identifier: MIT
# A file that is replaced keeps who may use it: its mode, its access control list and the
# attributes that users gave it, whichever tool replaces it. Where that cannot be, nobody
# gets more rights than before, and a warning says so.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
. "$top_srcdir/tests/tools/programs.sh"

sfpm-save -o good.img "$sum"
sfpm-patch -q -i good.img 3=20
sfpm-convert --to-v1 -o v1.img good.img

# The mode that is right already need not be set; another one gives less, with a warning.
needs_strace
refuse_mode() {
    strace -f -o calls -e trace=fchmod,fchmodat,chmod \
        -e inject=fchmod,fchmodat,chmod:error=EPERM "$@"
}
cp good.img a.img
chmod 600 a.img
succeeds refuse_mode sfpm-convert -i --compact a.img
expect_stderr ''
expect test "$(stat -c %a a.img)" = 600
chmod 644 a.img
succeeds refuse_mode sfpm-convert -i --compact a.img
expect_stderr 'sfpm-convert: a.img: warning: cannot keep its mode: the new one grants fewer rights'
expect test "$(stat -c %a a.img)" = 600
chmod 400 a.img
if [ "$(id -u)" -eq 0 ]; then
    expect_status 1 refuse_mode sfpm-convert -i --compact a.img
    expect_stderr_match 'a.img: cannot set the mode of its new version: Operation not permitted'
    expect test "$(stat -c %a a.img)" = 400
fi

needs setfacl getfacl setfattr getfattr
rm a.img
cp good.img a.img
setfacl -m u:65534:rw a.img 2>/dev/null || skip 'no access control lists here'
setfattr -n user.note -v keep a.img 2>/dev/null || skip 'no extended attributes here'
rm a.img

# A list that gives one user access and the owning group none; ls shows rw-rw----.
# fresh NAME SOURCE
fresh() {
    cp "$2" "$1"
    chmod 600 "$1"
    setfacl -m u:65534:rw "$1"
    setfattr -n user.note -v keep "$1"
    getfacl -cpn "$1" >before
}

# kept NAME CMD...: CMD replaces NAME and leaves all that as it was.
kept() {
    kept_name=$1
    kept_file=$(stat -c %i "$kept_name")
    shift
    succeeds "$@"
    expect_stderr ''
    expect test "$(stat -c %i "$kept_name")" != "$kept_file"
    getfacl -cpn "$kept_name" >after
    expect_same before after
    expect test "$(getfattr --only-values -n user.note "$kept_name")" = keep
}
all_keep() {
    for way in --compact --flatten '--keep 1' '--compress lz4' --to-v1; do
        fresh a.img good.img
        # shellcheck disable=SC2086 # an option and its value
        kept a.img sfpm-convert -i $way a.img
    done
    fresh b.img v1.img
    kept b.img sfpm-convert -i --to-v2 b.img
    fresh b.img v1.img
    kept b.img sfpm-patch -q -i b.img 3=7
    fresh b.img good.img
    kept b.img sfpm-save -o b.img "$sum"
    kept b.img sfpm-patch -q -o b.img good.img 3=7
    kept b.img sfpm-convert -o b.img --flatten good.img
    kept b.img sfpm-convert -o b.img --base good.img@1 good.img
    kept b.img sfpm-convert -o b.img --salvage good.img
    kept b.img sfpm-run -o b.img good.img
}
all_keep

# A directory's default list is for files that are new.
mkdir shared
cp good.img v1.img shared
setfacl -d -m u:65534:rw shared
cd shared
all_keep
for mode in 600 660 644; do
    rm -f a.img
    cp good.img a.img
    setfacl -b a.img
    chmod $mode a.img
    getfacl -cpn a.img >before
    setfattr -n user.note -v keep a.img
    kept a.img sfpm-convert -i --compact a.img
done
rm a.img
succeeds sfpm-save -o a.img "$sum"
expect sh -c 'getfacl -cpn a.img | grep -q "^user:65534:rw"'
cd ..

# What cannot be copied leaves the file to its owner.
fresh a.img good.img
for call in fgetxattr fsetxattr; do
    fresh a.img good.img
    succeeds strace -f -o calls -e trace=$call -e inject=$call:error=EIO \
        sfpm-convert -i --compact a.img
    expect_stderr_match 'a.img: warning: cannot keep its access control list: only its owner'
    expect_stderr_match 'a.img: warning: cannot keep its extended attributes'
    getfacl -cpn a.img >after
    expect test "$(tr -d '\n' <after)" = 'user::rw-group::---other::---'
done

# So is the list of NFS 4, which is kept here in another attribute. A sanitizer wants to
# be the first library.
! grep -q __asan_init "$(command -v sfpm-convert)" || exit 0
cat >nfs4.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
static const char *stored(const char *name)
{
    return strcmp(name, "system.nfs4_acl") == 0 ? "trusted.sfpm_nfs4" : name;
}
ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
    ssize_t (*next)(int, const char *, void *, size_t) =
        (ssize_t (*)(int, const char *, void *, size_t))dlsym(RTLD_NEXT, "fgetxattr");
    return next(fd, stored(name), value, size);
}
int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    int (*next)(int, const char *, const void *, size_t, int) =
        (int (*)(int, const char *, const void *, size_t, int))dlsym(RTLD_NEXT, "fsetxattr");
    if (getenv("REFUSE") && stored(name) != name) {
        errno = EACCES;
        return -1;
    }
    return next(fd, stored(name), value, size, flags);
}
END
"$CC" -shared -fPIC -o nfs4.so nfs4.c -ldl 2>"$stderr" || skip 'no shared object can be compiled'
cp good.img a.img
chmod 644 a.img
setfattr -n trusted.sfpm_nfs4 -v list a.img 2>/dev/null || skip 'trusted attributes need root'
succeeds env LD_PRELOAD="$PWD/nfs4.so" sfpm-convert -i --compact a.img
expect_stderr ''
expect test "$(getfattr --only-values -n trusted.sfpm_nfs4 a.img)" = list
expect test "$(stat -c %a a.img)" = 644
succeeds env REFUSE=1 LD_PRELOAD="$PWD/nfs4.so" sfpm-convert -i --compact a.img
expect_stderr_match 'a.img: warning: cannot keep its access control list: only its owner'
expect test "$(stat -c %a a.img)" = 600
