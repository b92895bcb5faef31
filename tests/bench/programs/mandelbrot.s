; SPDX-License-Identifier: MIT
; The steps of all points of a picture of 400 by 400, at most 200 each.

.func main
.local i32 i32 i32 i64          ; row, column, step, sum
.local f64 f64 f64 f64 f64 f64  ; real and imaginary part of point and orbit, squares
row:
        i32.const 0
        local.set 1
column:
        f64.const 2.0
        local.get 1
        f64.convert_i32_s
        f64.mul
        f64.const 400.0
        f64.div
        f64.const 1.5
        f64.sub
        local.set 4
        f64.const 2.0
        local.get 0
        f64.convert_i32_s
        f64.mul
        f64.const 400.0
        f64.div
        f64.const 1.0
        f64.sub
        local.set 5
        f64.const 0.0
        local.set 6
        f64.const 0.0
        local.set 7
        i32.const 0
        local.set 2
step:
        local.get 6
        local.get 6
        f64.mul
        local.tee 8
        local.get 7
        local.get 7
        f64.mul
        local.tee 9
        f64.add
        f64.const 4.0
        f64.gt
        br_if out
        f64.const 2.0
        local.get 6
        f64.mul
        local.get 7
        f64.mul
        local.get 5
        f64.add
        local.set 7
        local.get 8
        local.get 9
        f64.sub
        local.get 4
        f64.add
        local.set 6
        local.get 2
        i32.const 1
        i32.add
        local.tee 2
        i32.const 200
        i32.lt_s
        br_if step
out:
        local.get 3
        local.get 2
        i64.extend_i32_u
        i64.add
        local.set 3
        local.get 1
        i32.const 1
        i32.add
        local.tee 1
        i32.const 400
        i32.lt_s
        br_if column
        local.get 0
        i32.const 1
        i32.add
        local.tee 0
        i32.const 400
        i32.lt_s
        br_if row
        local.get 3
        print
        halt
