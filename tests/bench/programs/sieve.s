; SPDX-License-Identifier: MIT
; The primes below 65536, 400 times, by the sieve of Eratosthenes.

.memory 1

.func main
.local i32 i32 i32 i32          ; pass, number, multiple, count
pass:
        i32.const 0
        local.set 3
        i32.const 0
        local.set 1
fill:
        local.get 1
        i32.const 1
        i32.store8 0
        local.get 1
        i32.const 1
        i32.add
        local.tee 1
        i32.const 65536
        i32.lt_s
        br_if fill
        i32.const 2
        local.set 1
test:
        local.get 1
        i32.load8_u 0
        br_unless next
        local.get 3
        i32.const 1
        i32.add
        local.set 3
        local.get 1
        local.get 1
        i32.add
        local.tee 2
        i32.const 65536
        i32.ge_s
        br_if next
strike:
        local.get 2
        i32.const 0
        i32.store8 0
        local.get 2
        local.get 1
        i32.add
        local.tee 2
        i32.const 65536
        i32.lt_s
        br_if strike
next:
        local.get 1
        i32.const 1
        i32.add
        local.tee 1
        i32.const 65536
        i32.lt_s
        br_if test
        local.get 0
        i32.const 1
        i32.add
        local.tee 0
        i32.const 400
        i32.lt_s
        br_if pass
        local.get 3
        i64.extend_i32_u
        print
        halt
