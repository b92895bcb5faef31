; SPDX-License-Identifier: MIT
; The product of two matrices of 200 by 200, five times; the sum of its elements,
; in thousandths. They are at 0, 320000 and 640000.

.memory 15

.func main
.local i32 i32 i32 i32 i32 i32 i32   ; index, round, row, column, two places, the row's end
.local f64
fill:
        local.get 0
        i32.const 3
        i32.shl
        local.get 0
        i32.const 7
        i32.rem_s
        f64.convert_i32_s
        f64.const 0.5
        f64.mul
        f64.store 0
        local.get 0
        i32.const 3
        i32.shl
        local.get 0
        i32.const 11
        i32.rem_s
        f64.convert_i32_s
        f64.const 0.25
        f64.mul
        f64.store 320000
        local.get 0
        i32.const 1
        i32.add
        local.tee 0
        i32.const 40000
        i32.lt_s
        br_if fill
round:
        i32.const 0
        local.set 2
row:
        i32.const 0
        local.set 3
column:
        f64.const 0.0
        local.set 7
        local.get 2
        local.tee 4
        i32.const 1600
        i32.add
        local.set 6
        local.get 3
        local.set 5
product:
        local.get 7
        local.get 4
        f64.load 0
        local.get 5
        f64.load 320000
        f64.mul
        f64.add
        local.set 7
        local.get 5
        i32.const 1600
        i32.add
        local.set 5
        local.get 4
        i32.const 8
        i32.add
        local.tee 4
        local.get 6
        i32.ne
        br_if product
        local.get 2
        local.get 3
        i32.add
        local.get 7
        f64.store 640000
        local.get 3
        i32.const 8
        i32.add
        local.tee 3
        i32.const 1600
        i32.lt_s
        br_if column
        local.get 2
        i32.const 1600
        i32.add
        local.tee 2
        i32.const 320000
        i32.lt_s
        br_if row
        local.get 1
        i32.const 1
        i32.add
        local.tee 1
        i32.const 5
        i32.lt_s
        br_if round
        f64.const 0.0
        local.set 7
        i32.const 0
        local.set 0
sum:
        local.get 7
        local.get 0
        f64.load 640000
        f64.add
        local.set 7
        local.get 0
        i32.const 8
        i32.add
        local.tee 0
        i32.const 320000
        i32.lt_s
        br_if sum
        local.get 7
        f64.const 1000.0
        f64.mul
        f64.nearest
        i64.trunc_f64_s
        print
        halt
