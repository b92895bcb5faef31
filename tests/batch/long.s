; SPDX-License-Identifier: MIT
; A long run: a linear congruential generator, whose state is printed now and then.

.func main
.local i64 i64 i64              ; state, steps until the next line, lines
again:
        i64.const 20000000
        local.set 1
step:
        local.get 0
        i64.const 6364136223846793005
        mul
        i64.const 1442695040888963407
        add
        local.set 0
        local.get 1
        push 1
        sub
        local.tee 1
        br_if step
        local.get 0
        print
        drop
        local.get 2
        push 1
        add
        local.tee 2
        i64.const 200
        i64.lt_s
        br_if again
        halt
