; SPDX-License-Identifier: MIT
; 20 million random numbers, hashed together.

.func main
.local i64 i64 i32              ; number, hash, count
        i64.const 88172645463325252
        local.set 0
        i64.const 0xcbf29ce484222325
        local.set 1
next:
        local.get 0
        local.get 0
        i64.const 13
        i64.shl
        i64.xor
        local.set 0
        local.get 0
        local.get 0
        i64.const 7
        i64.shr_u
        i64.xor
        local.set 0
        local.get 0
        local.get 0
        i64.const 17
        i64.shl
        i64.xor
        local.set 0
        local.get 1
        local.get 0
        i64.xor
        i64.const 1099511628211
        i64.mul
        local.set 1
        local.get 2
        i32.const 1
        i32.add
        local.tee 2
        i32.const 20000000
        i32.lt_s
        br_if next
        local.get 1
        print
        halt
