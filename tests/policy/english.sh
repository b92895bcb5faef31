#!/bin/sh
# SPDX-License-Identifier: MIT
# Documents and public headers use none of the turns of phrase that readers stumbled over.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# Say "again", "report", "separated by", "except", "anyone who", "is not a".
stiff='\banew\b|\bwholly\b|\b[Tt]old\b|\bparted by\b|\bbut for\b|\bfor who\b|[Ww]ho wants|\bthat very\b'
stiff="$stiff|\b[Tt]ells (whether|how|why|what|where|of|that)\b|\b1 bytes\b"
# Say "continues", "at intervals", "the same addresses as before", "anyone who", "has not started".
stiff="$stiff|\bas ever\b|\b[Ss]peaks? of\b|\bcomes? to stand\b|\bWhoever\b|\bwhoever\b|\b(now and then|once more)\b"
stiff="$stiff|\binside of\b|\bin no time\b|\b(lies?|lay) where (it|they|these)\b|\bstands? (before|at) (the|its)\b"
stiff="$stiff|\bnot surely\b|\bare waited for\b|\bas is best\b|\bare passed over\b"
stiff="$stiff|\bis no (number|multiple|image|block|reason)\b|\bWhat (is|was|has|cannot|could not) [a-z]+( [a-z]+)? (is|are) not\b"

# Say "if there is no", "no longer", "someone", "a cycle", "is at most N bytes long".
stiff="$stiff|\bfor want of\b|\bnot any more\b|\bThere are these\b|\b[Ss]omebody\b|\b[Aa]nybody\b|\bcloses? a circle\b"
stiff="$stiff|\b(names?|code|texts?|[Cc]ode) (has|have) at most [0-9,]+ ([KMG]iB|bytes)\b|\bproved sound\b"

# plain DIR: prints the lines of documents that have one of these.
plain() {
    (cd "$1" && ! grep -nE "$stiff" README NEWS HACKING SECURITY doc/*.md examples/README man/*.[1-8] \
        lib/api/sfpm/*.h)
}

expect plain "$top_srcdir"
copy_sources copy
expect plain copy
# planted FILE LINE: LINE in it is found.
planted() {
    cp "copy/$1" saved
    printf '%s\n' "$2" >>"copy/$1"
    catches plain copy
    mv saved "copy/$1"
}
planted man/sfpm.7 'The image is written anew.'
planted README 'A fault is told once.'
planted man/sfpm-run.1 'When it is no number, nothing is run.'
planted HACKING 'What is damaged is not used.'
planted doc/benchmarks.md 'All but for the last.'
planted man/sfpm-run.1 'The status tells whether it ended.'
planted lib/api/sfpm/vm.h '/* It is told when to stop. */'
planted lib/api/sfpm/heap.h '/* Restored where they lie where they lay. */'
planted man/sfpm-save.1 'A machine that stands before its first instruction.'
planted man/sfpm_vm.3 'The bytes may come from anybody.'
planted man/sfpm-bytecode.5 'Code has at most 16 MiB.'
planted SECURITY 'A region that is not any more mapped.'
planted NEWS '- Slow readers are waited for.'
