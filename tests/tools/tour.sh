#!/bin/sh
# SPDX-License-Identifier: MIT
# The tour in examples/tour.txt shows what it says it shows. With --play it is
# shown on the screen, for ./bootstrap demo.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

cp -R "$top_srcdir/examples" . && chmod -R u+w examples
if [ "${1:-}" = --play ]; then
    expect "$top_srcdir/tests/transcript.sh" --play examples/tour.txt
else
    succeeds "$top_srcdir/tests/transcript.sh" examples/tour.txt
fi
