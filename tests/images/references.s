; SPDX-License-Identifier: MIT
; A program of bytecode version 3, which kept.sh runs from references.img: references in
; tables, in a global, in locals and on the stack; segments that are copied at the start
; and others that are not.
.memory 1 2
.table 2 8 funcref
.table 1 4 externref
.elem 0 square, _
.elem passive funcref twice, square
.elem table 1 0 7
.data 100 "kept", i64 5
.data passive i64 9
.global handler funcref square
.global rounds i64 3

.func main
.local funcref externref i64
again:
        ; The passive segments: memory at 200, the function in element 1.
        i32.const 200
        i32.const 0
        i32.const 8
        memory.init 1
        i32.const 1
        i32.const 0
        i32.const 1
        table.init 0 1
        ; handler and element 1 change places, by way of a local.
        global.get handler
        local.set 0
        i32.const 1
        table.get 0
        global.set handler
        i32.const 1
        local.get 0
        table.set 0
        ; A larger table of the host's references.
        i32.const 0
        table.get 1
        local.tee 1
        i32.const 1
        table.grow 1
        drop
        local.get 1
        ref.is_null
        br_if done
        ; 5 through element 0, 9 through element 1.
        i32.const 0
        i64.load 104
        i32.const 0
        table.call 0 i64 -> i64
        print
        i32.const 0
        i64.load 200
        i32.const 1
        call_indirect i64 -> i64
        add
        local.get 2
        add
        print
        local.set 2
        global.get rounds
        push 1
        sub
        global.set rounds
        global.get rounds
        br_if again
done:   halt

.func square i64 -> i64
.local funcref
        ref.func twice
        local.set 1
        local.get 0
        dup
        mul
        return

.func twice i64 -> i64
.local funcref
        ref.null funcref
        local.get 0
        push 2
        mul
        return
