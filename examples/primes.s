; SPDX-License-Identifier: MIT
; The primes below 100, by trial division, ten to a line.

.global found                   ; how many were written

.func main
.local i64                      ; candidate
        push 0
        global.set found
        push 2
        local.set 0
next:
        local.get 0
        call is_prime
        br_unless not_prime
        local.get 0
        call write
not_prime:
        local.get 0
        push 1
        add
        local.tee 0
        push 100
        i64.lt_s
        br_if next
        push '\n'
        print_char
        halt

; is_prime(n), n > 1: no d with d * d <= n divides it.
.func is_prime i64 -> i64
.local i64                      ; d
        push 2
        local.set 1
try:
        local.get 1
        local.get 1
        mul
        local.get 0
        i64.gt_s
        br_if prime
        local.get 0
        local.get 1
        i64.rem_u
        i64.eqz
        br_if composite
        local.get 1
        push 1
        add
        local.set 1
        br try
prime:
        push 1
        return
composite:
        push 0
        return

; write(n): n below 100, right-aligned in three columns, a line after each ten.
.func write i64
        push ' '
        print_char
        local.get 0
        push 10
        i64.div_u
        push '0'
        add
        push ' '
        local.get 0
        push 10
        i64.ge_u
        select
        print_char
        local.get 0
        push 10
        i64.rem_u
        push '0'
        add
        print_char
        global.get found
        push 1
        add
        global.set found
        global.get found
        push 10
        i64.rem_u
        br_if done
        push '\n'
        print_char
done:
        return
