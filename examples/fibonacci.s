; SPDX-License-Identifier: MIT
; The first 16 Fibonacci numbers, each by the doubly recursive
; definition: slow on purpose, with many calls in progress at most moments.

.func main
.local i64                      ; n
next:
        local.get 0
        call fibonacci
        print
        drop
        local.get 0
        push 1
        add
        local.tee 0
        push 16
        i64.lt_s
        br_if next
        halt

.func fibonacci i64 -> i64
        local.get 0
        push 2
        i64.lt_s
        br_unless recurse
        local.get 0
        return
recurse:
        local.get 0
        push 1
        sub
        call fibonacci
        local.get 0
        push 2
        sub
        call fibonacci
        add
        return
