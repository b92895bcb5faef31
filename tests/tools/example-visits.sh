#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/visits goes on with the images of its earlier releases, and in its log.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
visits=$top_builddir/examples/visits

# says TEXT ARGUMENT...
says() {
    says_text=$1
    shift
    succeeds "$visits" v.img v.log "$@"
    echo "$says_text" >wanted
    expect_same wanted "$stdout"
}

says 'visit 1' Ann 1
says 'visit 2' Bob 1
cp v.img old.img
says 'visit 3, the last visitor was somebody' Cleo
says 'visit 4, the last visitor was Cleo' Dan
# An older release knows no way back.
expect_status 1 "$visits" v.img v.log Eve 2
expect_stderr_match '^visits: v.img: the image has schema version 3, the program version 2'
printf '%s\n' '1: Ann' '2: Bob' '3: Cleo' '4: Dan' >log
expect_same log v.log

# A process that was killed before it had saved: its line goes.
echo '5: nobody counted' >>v.log
says 'visit 5, the last visitor was Dan' Eve
echo '5: Eve' >>log
expect_same log v.log

# Every commit can be migrated, one release at a time or all at once.
cp v.img new.img
cp old.img v.img
head -n 2 log >v.log
says 'visit 3' Cleo 2
says 'visit 4, the last visitor was somebody' Dan 3
succeeds sfpm-inspect v.img
expect_stdout_match 'sfpm.file.log'

# Another file in the log's place, and none: nothing is restored, nothing is written.
cp new.img v.img
cp v.img before.img
echo 'not the log, but as long as that one was, and then some' >v.log
cp v.log other
expect_status 1 "$visits" v.img v.log Fay
expect_stderr_match "resource 'log': v.log is not the same file as when the image was saved"
expect_same other v.log
rm v.log
expect_status 1 "$visits" v.img v.log Fay
expect_stderr_match "resource 'log': cannot open v.log"
expect_not test -e v.log
expect_same before.img v.img
# The control: with its log it goes on.
cp log v.log
says 'visit 6, the last visitor was Eve' Fay

expect_status 2 "$visits" v.img
expect_status 2 "$visits" v.img v.log Fay 4
