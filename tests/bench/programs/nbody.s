; SPDX-License-Identifier: MIT
; Sun and four planets, half a million steps; their energy in thousand millionths.
; Five numbers each from 0 on, 40 bytes apart: places, velocities, masses.

.memory 1
.data 0 f64 0, 4.84143144246472090e+00, 8.34336671824457987e+00
.data 24 f64 1.28943695621391310e+01, 1.53796971148509165e+01
.data 40 f64 0, -1.16032004402742839e+00, 4.12479856412430479e+00
.data 64 f64 -1.51111514016986312e+01, -2.59193146099879641e+01
.data 80 f64 0, -1.03622044471123109e-01, -4.03523417114321381e-01
.data 104 f64 -2.23307578892655734e-01, 1.79258772950371181e-01
.data 120 f64 0, 1.66007664274403694e-03, -2.76742510726411899e-03
.data 144 f64 2.96460137564761618e-03, 2.68067772490389322e-03
.data 160 f64 0, 7.69901118419740425e-03, 4.99852801234917238e-03
.data 184 f64 2.37847173959480950e-03, 1.62824170038242295e-03
.data 200 f64 0, -6.90460016972063023e-05, 2.30417297573763929e-05
.data 224 f64 -2.96589568540237556e-05, -9.51592254519715870e-05
.data 240 f64 1, 9.54791938424326609e-04, 2.85885980666130812e-04
.data 264 f64 4.36624404335156298e-05, 5.15138902046611451e-05

.func main
.local i32 i32 i32              ; step, two bodies
.local f64 f64 f64 f64 f64 f64  ; differences, square of the distance, two impulses
.local f64 f64 f64              ; sums

scale:
        local.get 1
        local.get 1
        f64.load 120
        f64.const 365.24
        f64.mul
        f64.store 120
        local.get 1
        local.get 1
        f64.load 160
        f64.const 365.24
        f64.mul
        f64.store 160
        local.get 1
        local.get 1
        f64.load 200
        f64.const 365.24
        f64.mul
        f64.store 200
        local.get 1
        local.get 1
        f64.load 240
        f64.const 39.47841760435743197
        f64.mul
        f64.store 240
        local.get 1
        i32.const 8
        i32.add
        local.tee 1
        i32.const 40
        i32.lt_s
        br_if scale
        i32.const 0
        local.set 1
momentum:
        local.get 9
        local.get 1
        f64.load 120
        local.get 1
        f64.load 240
        f64.mul
        f64.add
        local.set 9
        local.get 10
        local.get 1
        f64.load 160
        local.get 1
        f64.load 240
        f64.mul
        f64.add
        local.set 10
        local.get 11
        local.get 1
        f64.load 200
        local.get 1
        f64.load 240
        f64.mul
        f64.add
        local.set 11
        local.get 1
        i32.const 8
        i32.add
        local.tee 1
        i32.const 40
        i32.lt_s
        br_if momentum
        i32.const 0
        local.get 9
        f64.neg
        f64.const 39.47841760435743197
        f64.div
        f64.store 120
        i32.const 0
        local.get 10
        f64.neg
        f64.const 39.47841760435743197
        f64.div
        f64.store 160
        i32.const 0
        local.get 11
        f64.neg
        f64.const 39.47841760435743197
        f64.div
        f64.store 200
step:
        i32.const 0
        local.set 1
body:
        local.get 1
        i32.const 8
        i32.add
        local.tee 2
        i32.const 40
        i32.ge_s
        br_if moved
pair:
        local.get 1
        f64.load 0
        local.get 2
        f64.load 0
        f64.sub
        local.set 3
        local.get 1
        f64.load 40
        local.get 2
        f64.load 40
        f64.sub
        local.set 4
        local.get 1
        f64.load 80
        local.get 2
        f64.load 80
        f64.sub
        local.set 5
        local.get 3
        local.get 3
        f64.mul
        local.get 4
        local.get 4
        f64.mul
        f64.add
        local.get 5
        local.get 5
        f64.mul
        f64.add
        local.set 6
        f64.const 0.01
        local.get 6
        local.get 6
        f64.sqrt
        f64.mul
        f64.div
        local.tee 8
        local.get 2
        f64.load 240
        f64.mul
        local.set 7
        local.get 8
        local.get 1
        f64.load 240
        f64.mul
        local.set 8
        local.get 1
        local.get 1
        f64.load 120
        local.get 3
        local.get 7
        f64.mul
        f64.sub
        f64.store 120
        local.get 1
        local.get 1
        f64.load 160
        local.get 4
        local.get 7
        f64.mul
        f64.sub
        f64.store 160
        local.get 1
        local.get 1
        f64.load 200
        local.get 5
        local.get 7
        f64.mul
        f64.sub
        f64.store 200
        local.get 2
        local.get 2
        f64.load 120
        local.get 3
        local.get 8
        f64.mul
        f64.add
        f64.store 120
        local.get 2
        local.get 2
        f64.load 160
        local.get 4
        local.get 8
        f64.mul
        f64.add
        f64.store 160
        local.get 2
        local.get 2
        f64.load 200
        local.get 5
        local.get 8
        f64.mul
        f64.add
        f64.store 200
        local.get 2
        i32.const 8
        i32.add
        local.tee 2
        i32.const 40
        i32.lt_s
        br_if pair
        local.get 1
        i32.const 8
        i32.add
        local.tee 1
        i32.const 40
        i32.lt_s
        br_if body
moved:
        i32.const 0
        local.set 1
move:
        local.get 1
        local.get 1
        f64.load 0
        f64.const 0.01
        local.get 1
        f64.load 120
        f64.mul
        f64.add
        f64.store 0
        local.get 1
        local.get 1
        f64.load 40
        f64.const 0.01
        local.get 1
        f64.load 160
        f64.mul
        f64.add
        f64.store 40
        local.get 1
        local.get 1
        f64.load 80
        f64.const 0.01
        local.get 1
        f64.load 200
        f64.mul
        f64.add
        f64.store 80
        local.get 1
        i32.const 8
        i32.add
        local.tee 1
        i32.const 40
        i32.lt_s
        br_if move
        local.get 0
        i32.const 1
        i32.add
        local.tee 0
        i32.const 500000
        i32.lt_s
        br_if step
        f64.const 0
        local.set 9
        i32.const 0
        local.set 1
energy:
        local.get 9
        f64.const 0.5
        local.get 1
        f64.load 240
        f64.mul
        local.get 1
        f64.load 120
        local.get 1
        f64.load 120
        f64.mul
        local.get 1
        f64.load 160
        local.get 1
        f64.load 160
        f64.mul
        f64.add
        local.get 1
        f64.load 200
        local.get 1
        f64.load 200
        f64.mul
        f64.add
        f64.mul
        f64.add
        local.set 9
        local.get 1
        i32.const 8
        i32.add
        local.tee 2
        i32.const 40
        i32.ge_s
        br_if done
potential:
        local.get 1
        f64.load 0
        local.get 2
        f64.load 0
        f64.sub
        local.set 3
        local.get 1
        f64.load 40
        local.get 2
        f64.load 40
        f64.sub
        local.set 4
        local.get 1
        f64.load 80
        local.get 2
        f64.load 80
        f64.sub
        local.set 5
        local.get 9
        local.get 1
        f64.load 240
        local.get 2
        f64.load 240
        f64.mul
        local.get 3
        local.get 3
        f64.mul
        local.get 4
        local.get 4
        f64.mul
        f64.add
        local.get 5
        local.get 5
        f64.mul
        f64.add
        f64.sqrt
        f64.div
        f64.sub
        local.set 9
        local.get 2
        i32.const 8
        i32.add
        local.tee 2
        i32.const 40
        i32.lt_s
        br_if potential
        local.get 1
        i32.const 8
        i32.add
        local.set 1
        br energy
done:
        local.get 9
        f64.const 1000000000
        f64.mul
        f64.nearest
        i64.trunc_f64_s
        print
        halt
