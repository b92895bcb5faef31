; SPDX-License-Identifier: MIT
; Divides by zero: a trap to look at, to repair and to go on from.
; Offset 3 of the code holds the 0; at the trap it is also on the stack.
        push 100
        push 0
        i64.div_s
        print
        halt
