; SPDX-License-Identifier: MIT
; The seven bytes of the original demonstration: prints 15.
; Offset 3 of the code holds the 5: patched to 20, it prints 30.
        push 10
        push 5
        add
        print
        halt
