/* SPDX-License-Identifier: MIT */
/* The six programs beside this file in C, to be compiled with -O2; the argument names
 * one of them. Without one it does nothing, as a measure of what starting takes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Calls are to be calls, as they are in what it is compared with. */
#if defined __clang__
__attribute__((noinline, disable_tail_calls))
#elif defined __GNUC__
__attribute__((noipa, optimize("no-optimize-sibling-calls", "no-inline")))
#endif
static int64_t
fib(int64_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static int64_t run_fib(void)
{
    return fib(35);
}

static int64_t run_sieve(void)
{
    enum { NUMBERS = 65536, PASSES = 400 };
    static unsigned char prime[NUMBERS];
    int count = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        count = 0;
        for (int i = 0; i < NUMBERS; i++)
            prime[i] = 1;
        for (int i = 2; i < NUMBERS; i++) {
            if (!prime[i])
                continue;
            count++;
            for (int k = i + i; k < NUMBERS; k += i)
                prime[k] = 0;
        }
    }
    return count;
}

static int64_t run_hash(void)
{
    uint64_t number = UINT64_C(88172645463325252), hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < 20000000; i++) {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        hash = (hash ^ number) * UINT64_C(1099511628211);
    }
    return (int64_t)hash;
}

static int64_t run_mandelbrot(void)
{
    enum { SIZE = 400, MOST = 200 };
    int64_t sum = 0;
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++) {
            double cr = 2.0 * x / SIZE - 1.5, ci = 2.0 * y / SIZE - 1.0, zr = 0, zi = 0;
            int i = 0;
            for (; i < MOST; i++) {
                double a = zr * zr, b = zi * zi;
                if (a + b > 4.0)
                    break;
                zi = 2.0 * zr * zi + ci;
                zr = a - b + cr;
            }
            sum += i;
        }
    return sum;
}

static int64_t run_matmul(void)
{
    enum { N = 200, ROUNDS = 5 };
    static double a[N * N], b[N * N], c[N * N];
    double sum = 0;
    for (int i = 0; i < N * N; i++) {
        a[i] = (i % 7) * 0.5;
        b[i] = (i % 11) * 0.25;
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double s = 0;
                for (int k = 0; k < N; k++)
                    s += a[i * N + k] * b[k * N + j];
                c[i * N + j] = s;
            }
    for (int i = 0; i < N * N; i++)
        sum += c[i];
    return (int64_t)nearbyint(sum * 1000);
}

enum { BODIES = 5 };
#define SUN  39.47841760435743197
#define YEAR 365.24
static double x[BODIES] = {0, 4.84143144246472090e+00, 8.34336671824457987e+00,
                           1.28943695621391310e+01, 1.53796971148509165e+01};
static double y[BODIES] = {0, -1.16032004402742839e+00, 4.12479856412430479e+00,
                           -1.51111514016986312e+01, -2.59193146099879641e+01};
static double z[BODIES] = {0, -1.03622044471123109e-01, -4.03523417114321381e-01,
                           -2.23307578892655734e-01, 1.79258772950371181e-01};
static double vx[BODIES] = {
    0, 1.66007664274403694e-03 * YEAR, -2.76742510726411899e-03 * YEAR,
    2.96460137564761618e-03 * YEAR, 2.68067772490389322e-03 * YEAR};
static double vy[BODIES] = {
    0, 7.69901118419740425e-03 * YEAR, 4.99852801234917238e-03 * YEAR,
    2.37847173959480950e-03 * YEAR, 1.62824170038242295e-03 * YEAR};
static double vz[BODIES] = {
    0, -6.90460016972063023e-05 * YEAR, 2.30417297573763929e-05 * YEAR,
    -2.96589568540237556e-05 * YEAR, -9.51592254519715870e-05 * YEAR};
static double mass[BODIES] = {
    SUN, 9.54791938424326609e-04 * SUN, 2.85885980666130812e-04 * SUN,
    4.36624404335156298e-05 * SUN, 5.15138902046611451e-05 * SUN};

static void step(double time)
{
    for (int i = 0; i < BODIES; i++)
        for (int j = i + 1; j < BODIES; j++) {
            double dx = x[i] - x[j], dy = y[i] - y[j], dz = z[i] - z[j];
            double square = dx * dx + dy * dy + dz * dz;
            double pull = time / (square * sqrt(square));
            double mj = mass[j] * pull, mi = mass[i] * pull;
            vx[i] -= dx * mj;
            vy[i] -= dy * mj;
            vz[i] -= dz * mj;
            vx[j] += dx * mi;
            vy[j] += dy * mi;
            vz[j] += dz * mi;
        }
    for (int i = 0; i < BODIES; i++) {
        x[i] += time * vx[i];
        y[i] += time * vy[i];
        z[i] += time * vz[i];
    }
}

static int64_t run_nbody(void)
{
    double px = 0, py = 0, pz = 0, energy = 0;
    for (int i = 0; i < BODIES; i++) {
        px += vx[i] * mass[i];
        py += vy[i] * mass[i];
        pz += vz[i] * mass[i];
    }
    vx[0] = -px / SUN;
    vy[0] = -py / SUN;
    vz[0] = -pz / SUN;
    for (int i = 0; i < 500000; i++)
        step(0.01);
    for (int i = 0; i < BODIES; i++) {
        energy += 0.5 * mass[i] * (vx[i] * vx[i] + vy[i] * vy[i] + vz[i] * vz[i]);
        for (int j = i + 1; j < BODIES; j++) {
            double dx = x[i] - x[j], dy = y[i] - y[j], dz = z[i] - z[j];
            energy -= mass[i] * mass[j] / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return (int64_t)nearbyint(energy * 1e9);
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        int64_t (*run)(void);
    } programs[] = {{"fib", run_fib},       {"sieve", run_sieve},
                    {"hash", run_hash},     {"mandelbrot", run_mandelbrot},
                    {"matmul", run_matmul}, {"nbody", run_nbody}};
    for (size_t i = 0; argc > 1 && i < sizeof programs / sizeof programs[0]; i++)
        if (strcmp(argv[1], programs[i].name) == 0)
            printf("%" PRId64 "\n", programs[i].run());
    return 0;
}
