; SPDX-License-Identifier: MIT
; Which number below 10000 takes the most steps to 1 when even ones are halved and odd
; ones become 3 n + 1? A long computation, to be stopped, saved and continued:
;
;     sfpm-save -o collatz.img collatz.s
;     sfpm-run --steps 1000000 -i collatz.img     until it ends with another status than 124

.global best                    ; the number with the most steps so far
.global most                    ; and how many they are

.func main
.local i64 i64                  ; number, its steps
        push 1
        local.set 0
next:
        local.get 0
        call steps
        local.tee 1
        global.get most
        i64.gt_s
        br_unless lower
        local.get 1
        global.set most
        local.get 0
        global.set best
lower:
        local.get 0
        push 1
        add
        local.tee 0
        i64.const 10000
        i64.lt_s
        br_if next
        global.get best
        print
        global.get most
        print
        halt

; steps(n) to 1.
.func steps i64 -> i64
.local i64                      ; done
        br test
again:
        local.get 0
        push 1
        i64.and
        br_if odd
        local.get 0
        push 1
        i64.shr_u
        local.set 0
        br count
odd:
        local.get 0
        push 3
        mul
        push 1
        add
        local.set 0
count:
        local.get 1
        push 1
        add
        local.set 1
test:
        local.get 0
        push 1
        i64.gt_s
        br_if again
        local.get 1
        return
