\ SPDX-License-Identifier: MIT
\ The programs beside this file in Forth, for cells of 64 bits; the argument names one.
\ Without one it does nothing.
warnings off

: fibonacci ( n -- n ) dup 2 < if exit then dup 1- recurse swap 2 - recurse + ;
: fib ( -- n ) 35 fibonacci ;

create prime 65536 allot
: strike ( n -- ) 65536 over 2* do 0 prime i + c! dup +loop drop ;
: sieve ( -- n )
    0 400 0 do
        drop 0
        65536 0 do 1 prime i + c! loop
        65536 2 do
            prime i + c@ if 1+ i 32768 < if i strike then then
        loop
    loop ;

: hash ( -- n )
    88172645463325252 $cbf29ce484222325
    20000000 0 do
        swap dup 13 lshift xor dup 7 rshift xor dup 17 lshift xor
        tuck xor 1099511628211 *
    loop nip ;

fvariable cr  fvariable ci
: point ( -- n )
    0e 0e 200 0 do ( F: zr zi )
        fover fdup f* fover fdup f* ( F: zr zi a b )
        fover fover f+ 4e f> if fdrop fdrop fdrop fdrop i unloop exit then
        f- cr f@ f+ frot frot f* 2e f* ci f@ f+
    loop fdrop fdrop 200 ;
: mandelbrot ( -- n )
    0 400 0 do
        400 0 do
            2e i s>d d>f f* 400e f/ 1.5e f- cr f!
            2e j s>d d>f f* 400e f/ 1e f- ci f!
            point +
        loop
    loop ;

create a 40000 floats allot  create b 40000 floats allot  create c 40000 floats allot
: product ( row column -- ) ( F: -- sum )
    floats b + swap 200 * floats a + swap
    0e 200 0 do over f@ dup f@ f* f+ swap float+ swap 1600 + loop 2drop ;
: matmul ( -- n )
    40000 0 do
        i 7 mod s>d d>f 0.5e f* i floats a + f!
        i 11 mod s>d d>f 0.25e f* i floats b + f!
    loop
    5 0 do
        200 0 do
            200 0 do j i product j 200 * i + floats c + f! loop
        loop
    loop
    0e 40000 0 do i floats c + f@ f+ loop 1000e f* fround f>d d>s ;

: sun 39.47841760435743197e ;
: years 365.24e f* ;
: masses sun f* ;
create x 0e f, 4.84143144246472090e+00 f, 8.34336671824457987e+00 f,
    1.28943695621391310e+01 f, 1.53796971148509165e+01 f,
create y 0e f, -1.16032004402742839e+00 f, 4.12479856412430479e+00 f,
    -1.51111514016986312e+01 f, -2.59193146099879641e+01 f,
create z 0e f, -1.03622044471123109e-01 f, -4.03523417114321381e-01 f,
    -2.23307578892655734e-01 f, 1.79258772950371181e-01 f,
create vx 0e f, 1.66007664274403694e-03 years f, -2.76742510726411899e-03 years f,
    2.96460137564761618e-03 years f, 2.68067772490389322e-03 years f,
create vy 0e f, 7.69901118419740425e-03 years f, 4.99852801234917238e-03 years f,
    2.37847173959480950e-03 years f, 1.62824170038242295e-03 years f,
create vz 0e f, -6.90460016972063023e-05 years f, 2.30417297573763929e-05 years f,
    -2.96589568540237556e-05 years f, -9.51592254519715870e-05 years f,
create mass 1e masses f, 9.54791938424326609e-04 masses f, 2.85885980666130812e-04 masses f,
    4.36624404335156298e-05 masses f, 5.15138902046611451e-05 masses f,
fvariable dx  fvariable dy  fvariable dz

\ Bodies are named by the offset of their numbers.
: add ( address -- ) ( F: n -- ) dup f@ f+ f! ;
: subtract ( address -- ) ( F: n -- ) dup f@ fswap f- f! ;
: difference ( i j array -- i j ) ( F: -- n ) >r over r@ + f@ dup r> + f@ f- ;
: square ( i j -- i j ) ( F: -- n )
    x difference fdup dx f! fdup f*
    y difference fdup dy f! fdup f* f+
    z difference fdup dz f! fdup f* f+ ;
: attract ( i j -- )
    square fdup fsqrt f* 0.01e fswap f/ ( F: pull )
    dup mass + f@ fover f* ( F: pull mj )
    dx f@ fover f* over vx + subtract
    dy f@ fover f* over vy + subtract
    dz f@ f* over vz + subtract
    swap mass + f@ f* ( F: mi )
    dx f@ fover f* dup vx + add
    dy f@ fover f* dup vy + add
    dz f@ f* vz + add ;
: advance ( -- )
    5 0 do 5 i 1+ ?do j floats i floats attract loop loop
    5 0 do
        i floats
        dup vx + f@ 0.01e f* dup x + add
        dup vy + f@ 0.01e f* dup y + add
        dup vz + f@ 0.01e f* z + add
    loop ;
: momentum ( array -- ) ( F: -- n )
    0e 5 0 do i floats 2dup + f@ mass + f@ f* f+ loop drop ;
: squared ( address -- ) ( F: -- n ) f@ fdup f* ;
: energy ( F: -- n )
    0e 5 0 do
        i floats dup mass + f@ 0.5e f*
        dup vx + squared dup vy + squared f+ vz + squared f+ f* f+
        5 i 1+ ?do
            j floats i floats over mass + f@ dup mass + f@ f*
            square fsqrt f/ f- 2drop
        loop
    loop ;
: nbody ( -- n )
    vx momentum fnegate sun f/ vx f!
    vy momentum fnegate sun f/ vy f!
    vz momentum fnegate sun f/ vz f!
    500000 0 do advance loop
    energy 1e9 f* fround f>d d>s ;

next-arg dup 0= [if] 2drop bye [then] evaluate . bye
