# SPDX-License-Identifier: MIT
# What tests of compiled programs share besides tests/tools/lib.sh: a program that is
# stopped again and again ends as one that ran in one go.
# shellcheck shell=sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"

# The same images in each run.
SOURCE_DATE_EPOCH=1000000000
export SOURCE_DATE_EPOCH

# The seed of the places where programs are stopped; SFPM_SEED repeats a run.
seed=${SFPM_SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}

# places COUNT PARTS: numbers of instructions that are together COUNT, and more, as many as
# PARTS on average.
places() {
    awk -v seed="$seed" -v left="$1" -v parts="$2" 'BEGIN {
        srand(seed)
        most = 2 * left / parts
        while (left > 0) {
            steps = 1 + int(rand() * most)
            left -= steps
            print steps
        }
    }'
}

# instructions IMAGE: how many were executed.
instructions() {
    sfpm-inspect --json "$1" | sed -n 's/.*"instructions": *\([0-9]*\).*/\1/p' | head -n 1
}

# runs_in_parts MODULE EXPECTED PARTS: the module prints EXPECTED, with either engine in
# one go, and when it is stopped at random instructions PARTS times or so and goes on in
# another process with the other engine. The final images are equal, too.
runs_in_parts() {
    succeeds sfpm-run --engine simple "$1"
    expect_same "$stdout" "$2"
    succeeds sfpm-run --deterministic -o whole.img "$1"
    expect_same "$stdout" "$2"
    sfpm-save -o parts.img "$1"
    : >parts
    engine=fast status=124
    places "$(instructions whole.img)" "$3" >places
    while read -r steps <&3; do
        status=0
        sfpm-run --deterministic --engine $engine --steps "$steps" -o next.img parts.img >>parts ||
            status=$?
        [ "$status" -eq 124 ] || break
        mv next.img parts.img
        if [ $engine = fast ]; then engine=simple; else engine=fast; fi
    done 3<places
    [ "$status" -eq 0 ] || fail "$1 with SFPM_SEED=$seed ended with status $status"
    cmp parts "$2" || fail "$1 with SFPM_SEED=$seed printed something else in parts"
    succeeds sfpm-convert --flatten -i next.img
    sfpm-diff --stat whole.img next.img || fail "$1 with SFPM_SEED=$seed left another image"
}
