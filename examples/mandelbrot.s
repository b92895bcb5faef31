; SPDX-License-Identifier: MIT
; The Mandelbrot set as characters: 64 columns from -2.1 to 0.7, 24 rows from -1.2 to 1.1,
; each point darker the longer it stays near 0.

.global left const f64 -2.1
.global width const f64 0.04375         ; of a column
.global top const f64 -1.2
.global height const f64 0.1            ; of a row
.memory 1
.data 0 " .:-=+*#%@"                    ; for points that leave after 0, 5, 10 ... rounds

.func main
.local i32 i32                          ; column, row
column:
        global.get left
        local.get 0
        f64.convert_i32_u
        global.get width
        f64.mul
        f64.add
        global.get top
        local.get 1
        f64.convert_i32_u
        global.get height
        f64.mul
        f64.add
        call rounds
        i32.const 5
        i32.div_u
        i64.load8_u
        print_char
        local.get 0
        i32.const 1
        i32.add
        local.tee 0
        i32.const 64
        i32.lt_u
        br_if column
        push '\n'
        print_char
        i32.const 0
        local.set 0
        local.get 1
        i32.const 1
        i32.add
        local.tee 1
        i32.const 24
        i32.lt_u
        br_if column
        halt

; rounds(x, y): how often z = z * z + (x, y) can be done until z is 2 or farther from 0; at
; most 45.
.func rounds f64 f64 -> i32
.local f64 f64 f64 f64 i32              ; z, its squares, rounds
again:
        local.get 2
        local.get 2
        f64.mul
        local.tee 4
        local.get 3
        local.get 3
        f64.mul
        local.tee 5
        f64.add
        f64.const 4
        f64.ge
        br_if away
        local.get 2
        local.get 3
        f64.mul
        f64.const 2
        f64.mul
        local.get 1
        f64.add
        local.set 3
        local.get 4
        local.get 5
        f64.sub
        local.get 0
        f64.add
        local.set 2
        local.get 6
        i32.const 1
        i32.add
        local.tee 6
        i32.const 45
        i32.lt_u
        br_if again
away:
        local.get 6
        return
