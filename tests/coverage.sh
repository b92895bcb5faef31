#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints which part of the lines and branches of each part of lib/ the tests reached, in a
# build with --enable-coverage after `make check`, and fails where it is less than
# required: of all lines, and of the branches of what reads hostile bytes. Branches for want
# of memory, and for reads that fail, count as any others: tests/fault/check_memory.c lets
# each allocation and each read fail.
set -eu
floor_lines=${FLOOR_LINES:-95} floor_readers=${FLOOR_READERS:-95}
list=${1:-/dev/null} # receives a line for each file: name, lines, %, branches, %

for counts in lib/*/.libs/*.gcda; do
    gcov -b -n -o "$(dirname "$counts")" "$counts"
done 2>/dev/null | awk -v floor_lines="$floor_lines" -v floor_readers="$floor_readers" \
    -v list="$list" '
    # Readers: what takes bytes of others apart, and what proves programs.
    function is_reader(name) {
        return name ~ /^lib\/(bytecode|codec|format|image|wasm)\// ||
            name ~ /^lib\/vm\/(image|v1_machine|values)\.c$/
    }
    function percent(part, all) { return all ? 100 * part / all : 100 }
    function count(field, all) { sub(/.*:/, "", field); return field * all / 100 }
    /^File / {
        name = $2
        gsub(/\047/, "", name)
        sub(/^.*lib\//, "lib/", name)
        ours = name ~ /^lib\/.*\.(c|inc)$/
    }
    /^Lines executed:/ && ours { lines[name] = $4; reached[name] = count($2, $4) }
    /^Taken at least once:/ && ours { branches[name] = $6; taken[name] = count($4, $6) }
    END {
        for (name in lines) {
            split(name, path, "/")
            part = path[2]
            l[part] += lines[name]; r[part] += reached[name]
            b[part] += branches[name]; t[part] += taken[name]
            l["all"] += lines[name]; r["all"] += reached[name]
            b["all"] += branches[name]; t["all"] += taken[name]
            if (is_reader(name)) {
                l["readers"] += lines[name]; r["readers"] += reached[name]
                b["readers"] += branches[name]; t["readers"] += taken[name]
            }
            printf "%s %d %.1f %d %.1f\n", name, lines[name],
                percent(reached[name], lines[name]), branches[name],
                percent(taken[name], branches[name]) >list
        }
        for (part in l)
            printf "%-10s %6d lines %5.1f %%  %6d branches %5.1f %%\n", part, l[part],
                percent(r[part], l[part]), b[part], percent(t[part], b[part]) | "sort"
        close("sort")
        if (l["all"] == 0) {
            print "no counts: configure with --enable-coverage and run make check first"
            exit 1
        }
        if (percent(r["all"], l["all"]) < floor_lines ||
            percent(t["readers"], b["readers"]) < floor_readers) {
            printf "less than %s %% of all lines or %s %% of the branches of readers\n",
                floor_lines, floor_readers
            exit 1
        }
    }'
