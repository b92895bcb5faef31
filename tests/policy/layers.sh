#!/bin/sh
# SPDX-License-Identifier: MIT
# Each part uses what is below it, never what is above: read off the #include
# lines. The table here is DESIGN's drawing of the layers.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/policy/lib.sh"

# What a part may include: headers of parts of lib/ as "part/x.h", public ones
# as <x.h>. `*` stands for all public headers. Files in a folder of bin/ may
# include those of the same folder, and examples what lies beside them, too.
table='
base      base/ <error.h> <number.h> <version.h>
io        base/ io/ <error.h>
codec     base/ codec/ <error.h>
format    base/ codec/ format/ <error.h> <image.h>
image     base/ io/ codec/ format/ image/ <error.h> <image.h> <version.h>
commit    base/ io/ codec/ format/ image/ commit/ <error.h> <image.h> <version.h>
track     base/ codec/ track/ <snapshot.h>
snapshot  base/ io/ codec/ image/ commit/ track/ snapshot/ <error.h> <hooks.h> <image.h> <job.h> <migrate.h> <resource.h> <snapshot.h> <version.h>
job       base/ snapshot/ track/ job/ <error.h> <image.h> <job.h> <snapshot.h>
files     base/ codec/ snapshot/ files/ <error.h> <hooks.h> <resource.h> <snapshot.h>
heap      base/ image/ snapshot/ heap/ <error.h> <image.h> <hooks.h> <snapshot.h> <heap.h>
bytecode  base/ bytecode/ <error.h> <opcode.h> <vm.h>
asm       base/ bytecode/ asm/ <error.h> <opcode.h> <vm.h>
wasm      base/ bytecode/ wasm/ <error.h> <opcode.h> <vm.h>
engine    base/ bytecode/ engine/ <error.h> <opcode.h> <vm.h>
vm        base/ commit/ track/ bytecode/ asm/ engine/ vm/ wasm/ <error.h> <image.h> <opcode.h> <reload.h> <vm.h>
wasi      base/ bytecode/ codec/ commit/ files/ vm/ wasi/ <error.h> <image.h> <memfs.h> <resource.h> <vm.h> <wasi.h>
snapshot/hooks.h base/ snapshot/ files/ <hooks.h> <migrate.h>
snapshot/snapshot.c base/ snapshot/ track/ job/ <job.h> <migrate.h> <resource.h>
bin       common/ *
examples  *
'

# layers DIR: prints every #include that goes upward.
layers() {
    source_files "$1" lib bin examples | grep -E '\.(c|h|inc)$' | grep -v '^lib/api/' >layers.files
    [ -s layers.files ] || return 1
    (cd "$1" && xargs grep -Hn '^[ \t]*#[ \t]*include' /dev/null) <layers.files | table=$table awk '
        BEGIN {
            n = split(ENVIRON["table"], rows, "\n")
            for (i = 1; i <= n; i++) {
                m = split(rows[i], words, " ")
                for (j = 2; j <= m; j++)
                    may[words[1], words[j]] = 1
                parts[words[1]] = 1
            }
        }
        {
            split($0, place, ":")
            file = place[1]
            name = $0
            sub(/^[^:]*:[^:]*:[ \t]*#[ \t]*include[ \t]*/, "", name)
            part = file
            sub(/^lib\//, "", part)
            if (!(part in parts))
                sub(/\/.*/, "", part)
            if (name ~ /^<sfpm\//) {
                sub(/^<sfpm\//, "<", name)
                sub(/>.*/, ">", name)
                allowed = ((part, name) in may) || ((part, "*") in may)
            } else if (name ~ /^"/) {
                gsub(/"/, "", name)
                sub(/[^\/]*$/, "", name)
                allowed = (part, name) in may || index(file, "bin/" name) == 1 || part name == "examples"
            } else
                allowed = name ~ /^</
            if (!allowed) {
                print $0
                bad = 1
            }
            lines++
        }
        END { exit bad || !lines }'
}

expect layers "$top_srcdir"

# planted FILE LINE: LINE added to FILE of a copy is found.
planted() {
    rm -rf copy
    copy_sources copy
    mkdir -p "copy/$(dirname "$1")"
    printf '%s\n' "$2" >>"copy/$1"
    catches layers copy
}

planted lib/base/memory.c '#include "io/input.h"'
planted lib/base/memory.c '#include <sfpm/image.h>'
planted lib/io/x.c '#include "image/image.h"'
planted lib/codec/checksum.c '#include "io/input.h"'
planted lib/image/x.c '#include "snapshot/snapshot.h"'
planted lib/image/x.c '#include <sfpm/snapshot.h>'
planted lib/format/x.c '#include "io/input.h"'
planted lib/image/x.c '#include "commit/edit.h"'
planted lib/track/x.c '#include "snapshot/snapshot.h"'
planted lib/snapshot/x.c '#include "job/job.h"'
planted lib/bytecode/x.c '#include "engine/frames.h"'
planted lib/engine/x.c '#include "asm/lexer.h"'
planted lib/asm/x.c '#include "engine/frames.h"'
planted lib/wasm/x.c '#include "asm/lexer.h"'
planted lib/bytecode/x.c '#include "wasm/load.h"'
planted lib/vm/x.c '#include "image/image.h"'
planted lib/vm/x.c '# include <sfpm/snapshot.h>'
planted lib/vm/x.c '#include "image/image.h"'
planted lib/vm/x.c '#include "snapshot/snapshot.h"'
planted bin/x.c '#include "base/error.h"'
planted bin/run/x.c '#include "patch/edit.h"'
planted bin/x.c '#include "../lib/base/error.h"'
planted examples/x.c '#include "base/error.h"'
planted lib/base/memory.c '#include "memory.h"'
