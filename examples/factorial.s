; SPDX-License-Identifier: MIT
; Factorials from 0 to 20, each by recursion.

.func main
.local i64                      ; n
next:
        local.get 0
        call factorial
        print
        drop
        local.get 0
        push 1
        add
        local.tee 0
        push 20
        i64.le_s
        br_if next
        halt

; factorial(n) = n * factorial(n - 1), and 1 for n < 2.
.func factorial i64 -> i64
        local.get 0
        push 2
        i64.lt_s
        br_if one
        local.get 0
        local.get 0
        push 1
        sub
        call factorial
        mul
        return
one:
        push 1
        return
