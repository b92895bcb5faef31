; SPDX-License-Identifier: MIT
; fib(35) by the doubly recursive definition.

.func main
        i64.const 35
        call fib
        print
        halt

.func fib i64 -> i64
        local.get 0
        i64.const 2
        i64.lt_s
        br_unless more
        local.get 0
        return
more:
        local.get 0
        i64.const 1
        i64.sub
        call fib
        local.get 0
        i64.const 2
        i64.sub
        call fib
        i64.add
        return
