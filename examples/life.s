; SPDX-License-Identifier: MIT
; Conway's game of life on a torus of 24 by 10 cells: a glider flies on, an oscillator
; stays. The first generation and every eighth one are shown.

.memory 1
; The cells, row by row; the next generation is made at 1024.
.data 0 "........................"
.data 24 ".#......................"
.data 48 "..#....................."
.data 72 "###.............#......."
.data 96 "................#......."
.data 120 "................#......."
.data 144 "........................"
.data 168 "........................"
.data 192 "........................"
.data 216 "........................"

.func main
.local i32                      ; generation
        call show
next:
        call step
        local.get 0
        i32.const 1
        i32.add
        local.tee 0
        i32.const 7
        i32.and
        br_if quiet
        call show
quiet:
        local.get 0
        i32.const 24
        i32.lt_u
        br_if next
        halt

; show(): the cells and an empty line.
.func show
.local i32                      ; place in memory
show_each:
        local.get 0
        i64.load8_u
        print_char
        local.get 0
        i32.const 1
        i32.add
        local.tee 0
        i32.const 24
        i32.rem_u
        br_if more
        push '\n'
        print_char
more:
        local.get 0
        i32.const 240
        i32.lt_u
        br_if show_each
        push '\n'
        print_char
        return

; alive(x, y): 1 or 0; both may be one outside.
.func alive i32 i32 -> i32
        local.get 1
        i32.const 10
        i32.add
        i32.const 10
        i32.rem_u
        i32.const 24
        i32.mul
        local.get 0
        i32.const 24
        i32.add
        i32.const 24
        i32.rem_u
        i32.add
        i32.load8_u
        i32.const '#'
        i32.eq
        return

; neighbours(x, y): how many of the eight are alive.
.func neighbours i32 i32 -> i32
.local i32 i32                  ; neighbour, from 0 to 8, of which 4 is the cell; count
neighbours_each:
        local.get 2
        i32.const 4
        i32.eq
        br_if skip
        local.get 0
        local.get 2
        i32.const 3
        i32.rem_u
        i32.add
        i32.const 1
        i32.sub
        local.get 1
        local.get 2
        i32.const 3
        i32.div_u
        i32.add
        i32.const 1
        i32.sub
        call alive
        local.get 3
        i32.add
        local.set 3
skip:
        local.get 2
        i32.const 1
        i32.add
        local.tee 2
        i32.const 9
        i32.lt_u
        br_if neighbours_each
        local.get 3
        return

; step(): every cell with three neighbours lives, and with two if it did.
.func step
.local i32 i32 i32              ; place, x, y
step_each:
        local.get 0
        i32.const 24
        i32.rem_u
        local.set 1
        local.get 0
        i32.const 24
        i32.div_u
        local.set 2
        local.get 0
        i32.const '#'
        i32.const '.'
        local.get 1
        local.get 2
        call neighbours
        local.get 1
        local.get 2
        call alive
        i32.or
        i32.const 3
        i32.eq
        select
        i32.store8 1024
        local.get 0
        i32.const 1
        i32.add
        local.tee 0
        i32.const 240
        i32.lt_u
        br_if step_each
        i32.const 0
        i32.const 1024
        i32.const 240
        memory.copy
        return
