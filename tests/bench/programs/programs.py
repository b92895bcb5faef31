# SPDX-License-Identifier: MIT
"""The programs beside this file in Python; the argument names one of them."""
import math
import sys


def fib(n=35):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def sieve():
    count = 0
    for _ in range(400):
        count = 0
        prime = [1] * 65536
        for i in range(2, 65536):
            if prime[i]:
                count += 1
                for k in range(i + i, 65536, i):
                    prime[k] = 0
    return count


def hash64():
    mask = (1 << 64) - 1
    number, result = 88172645463325252, 0xCBF29CE484222325
    for _ in range(20000000):
        number ^= number << 13 & mask
        number ^= number >> 7
        number ^= number << 17 & mask
        result = (result ^ number) * 1099511628211 & mask
    return result - (result >> 63 << 64)


def mandelbrot():
    total = 0
    for y in range(400):
        for x in range(400):
            cr, ci, zr, zi, i = 2.0 * x / 400 - 1.5, 2.0 * y / 400 - 1.0, 0.0, 0.0, 0
            while i < 200:
                a, b = zr * zr, zi * zi
                if a + b > 4.0:
                    break
                zi = 2.0 * zr * zi + ci
                zr = a - b + cr
                i += 1
            total += i
    return total


def matmul():
    n = 200
    a = [(i % 7) * 0.5 for i in range(n * n)]
    b = [(i % 11) * 0.25 for i in range(n * n)]
    c = [0.0] * (n * n)
    for _ in range(5):
        for i in range(n):
            for j in range(n):
                s = 0.0
                for k in range(n):
                    s += a[i * n + k] * b[k * n + j]
                c[i * n + j] = s
    return round(sum(c) * 1000)


def nbody():
    sun, year, time, sqrt = 39.47841760435743197, 365.24, 0.01, math.sqrt
    x = [0.0, 4.84143144246472090e+00, 8.34336671824457987e+00,
         1.28943695621391310e+01, 1.53796971148509165e+01]
    y = [0.0, -1.16032004402742839e+00, 4.12479856412430479e+00,
         -1.51111514016986312e+01, -2.59193146099879641e+01]
    z = [0.0, -1.03622044471123109e-01, -4.03523417114321381e-01,
         -2.23307578892655734e-01, 1.79258772950371181e-01]
    vx = [v * year for v in (0.0, 1.66007664274403694e-03, -2.76742510726411899e-03,
                             2.96460137564761618e-03, 2.68067772490389322e-03)]
    vy = [v * year for v in (0.0, 7.69901118419740425e-03, 4.99852801234917238e-03,
                             2.37847173959480950e-03, 1.62824170038242295e-03)]
    vz = [v * year for v in (0.0, -6.90460016972063023e-05, 2.30417297573763929e-05,
                             -2.96589568540237556e-05, -9.51592254519715870e-05)]
    mass = [m * sun for m in (1.0, 9.54791938424326609e-04, 2.85885980666130812e-04,
                              4.36624404335156298e-05, 5.15138902046611451e-05)]
    for v in (vx, vy, vz):
        v[0] = -sum(a * m for a, m in zip(v, mass)) / sun
    for _ in range(500000):
        for i in range(5):
            for j in range(i + 1, 5):
                dx, dy, dz = x[i] - x[j], y[i] - y[j], z[i] - z[j]
                square = dx * dx + dy * dy + dz * dz
                pull = time / (square * sqrt(square))
                mj, mi = mass[j] * pull, mass[i] * pull
                vx[i] -= dx * mj
                vy[i] -= dy * mj
                vz[i] -= dz * mj
                vx[j] += dx * mi
                vy[j] += dy * mi
                vz[j] += dz * mi
        for i in range(5):
            x[i] += time * vx[i]
            y[i] += time * vy[i]
            z[i] += time * vz[i]
    energy = 0.0
    for i in range(5):
        energy += 0.5 * mass[i] * (vx[i] * vx[i] + vy[i] * vy[i] + vz[i] * vz[i])
        for j in range(i + 1, 5):
            dx, dy, dz = x[i] - x[j], y[i] - y[j], z[i] - z[j]
            energy -= mass[i] * mass[j] / sqrt(dx * dx + dy * dy + dz * dz)
    return round(energy * 1e9)


if len(sys.argv) > 1:
    print({"hash": hash64}.get(sys.argv[1], globals().get(sys.argv[1]))())
