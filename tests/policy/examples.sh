#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples in the manuals and in the README do what they say.
#
# In a manual page these are the literal displays (.Bd -literal … .Ed) of the
# section EXAMPLES that hold a line starting with `$ `; in the README the blocks
# indented by four spaces that start with `$ `. Each is a transcript as
# tests/transcript.sh describes. All of one page run in order, in one shell, in
# a directory of their own with a copy of examples/ in it and the tools in PATH;
# cc and pkg-config find the library that was just built, as if it were installed.
# A command that cannot run here (./bootstrap, make install) is shown without
# the `$ `.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# of_page PAGE: its transcript.
of_page() {
    awk '
        function plain(line) {
            gsub(/\\\(aq/, "\047", line)
            gsub(/\\\(dq/, "\"", line)
            gsub(/\\\(ga/, "`", line)
            gsub(/\\\(ti/, "~", line)
            gsub(/\\\(ha/, "^", line)
            gsub(/\\&/, "", line)
            gsub(/\\-/, "-", line)
            gsub(/\\e/, "\\", line)
            return line
        }
        /^\.Sh / { examples = /EXAMPLES/ }
        /^\.Bd .*-literal/ && examples { display = 1; text = ""; command = 0; next }
        /^\.Ed/ {
            if (display && command)
                printf "%s", text
            display = 0
        }
        display && /^\.\\"/ { next }
        display {
            text = text plain($0) "\n"
            command = command || /^\$ /
        }' "$1"
}

# of_readme FILE: its transcript.
of_readme() {
    awk -f "$top_srcdir/tests/readme.awk" "$1"
}

# as_installed DIR: cc and the pkg-config file in DIR are for this build.
as_installed() {
    sanitizers=''
    if grep -q __asan_init "$top_builddir"/.libs/libsfpm.*; then
        sanitizers='-fsanitize=address,undefined'
    fi
    mkdir "$1"
    printf '%s\n' 'Name: sfpm' 'Description: the library in the build tree' 'Version: 0' \
        "Cflags: -I$top_srcdir/lib/api" \
        "Libs: -L$top_builddir/.libs -lsfpm $sanitizers" >"$1/sfpm.pc"
    printf '#!/bin/sh\nPATH="%s"\nexec %s "$@"\n' "$PATH" "$CC" >"$1/cc"
    chmod +x "$1/cc"
    PATH=$1:$PATH
    PKG_CONFIG_PATH=$1
    export PATH PKG_CONFIG_PATH
}
as_installed "$test_state/installed"

# git finds no settings of a user but these.
HOME=$work
GIT_CONFIG_NOSYSTEM=1
GIT_CONFIG_GLOBAL=$work/gitconfig
export HOME GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL
printf '[user]\nname = tester\nemail = tester@example.org\n' >gitconfig
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

# run_examples EXTRACT FILE: runs the transcript of FILE, if it has one.
pages=0
run_examples() {
    rm -rf here
    mkdir here
    cp -R "$top_srcdir/examples" here
    chmod -R u+w here
    "$1" "$2" >here/transcript
    [ -s here/transcript ] || return 0
    pages=$((pages + 1))
    (cd here && "$top_srcdir/tests/transcript.sh" transcript >result 2>&1) && return 0
    sed "s,^transcript:,$(basename "$2")\, command ," here/result
    return 1
}

# The control first: a page and a README, good and bad.
cat >good.1 <<'END'
.Sh DESCRIPTION
.Bd -literal
$ false; echo not an example
.Ed
.Sh EXAMPLES
Text.
.Bd -literal -offset indent
$ printf \(aq%s\en\(aq \-\-a | sed \(aqs/\-/+/g\(aq
++a
.Ed
.Bd -literal
int not_a_command;
.Ed
END
expect run_examples of_page good.1
sed 's/^++a/++b/' good.1 >bad.1
catches run_examples of_page bad.1
printf '%s\n' 'Text $ not.' '' '    $ ls examples/sum.s' '    examples/sum.s' '' 'Text' '    int x;' >good
expect run_examples of_readme good
sed 's,^    examples/sum.s,    examples/sum,' good >bad
catches run_examples of_readme bad

pages=0
for page in "$top_srcdir"/man/*.[1-8]; do
    case $page in
    */sfpm-git.7) command -v git >/dev/null || continue ;;
    esac
    expect run_examples of_page "$page"
done
expect run_examples of_readme "$top_srcdir/README"
[ "$pages" -ge 2 ] || fail "only $pages pages have examples"
