-- SPDX-License-Identifier: MIT
-- The programs beside this file in Lua, but for hash, whose operators LuaJIT does not
-- have; the argument names one. Without one it does nothing.
local programs = {}

local function fib(n)
    if n < 2 then return n end
    return fib(n - 1) + fib(n - 2)
end

function programs.fib()
    return fib(35)
end

function programs.sieve()
    local prime, count = {}, 0
    for pass = 1, 400 do
        count = 0
        for i = 0, 65535 do prime[i] = 1 end
        for i = 2, 65535 do
            if prime[i] == 1 then
                count = count + 1
                for k = i + i, 65535, i do prime[k] = 0 end
            end
        end
    end
    return count
end

function programs.mandelbrot()
    local sum = 0
    for y = 0, 399 do
        for x = 0, 399 do
            local cr, ci, zr, zi, i = 2.0 * x / 400 - 1.5, 2.0 * y / 400 - 1.0, 0.0, 0.0, 0
            while i < 200 do
                local a, b = zr * zr, zi * zi
                if a + b > 4.0 then break end
                zi = 2.0 * zr * zi + ci
                zr = a - b + cr
                i = i + 1
            end
            sum = sum + i
        end
    end
    return sum
end

function programs.matmul()
    local n, a, b, c, sum = 200, {}, {}, {}, 0.0
    for i = 0, n * n - 1 do
        a[i], b[i], c[i] = (i % 7) * 0.5, (i % 11) * 0.25, 0.0
    end
    for round = 1, 5 do
        for i = 0, n - 1 do
            for j = 0, n - 1 do
                local s = 0.0
                for k = 0, n - 1 do s = s + a[i * n + k] * b[k * n + j] end
                c[i * n + j] = s
            end
        end
    end
    for i = 0, n * n - 1 do sum = sum + c[i] end
    return string.format("%.0f", sum * 1000)
end

function programs.nbody()
    local sun, year, time, sqrt = 39.47841760435743197, 365.24, 0.01, math.sqrt
    local x = {0.0, 4.84143144246472090e+00, 8.34336671824457987e+00,
        1.28943695621391310e+01, 1.53796971148509165e+01}
    local y = {0.0, -1.16032004402742839e+00, 4.12479856412430479e+00,
        -1.51111514016986312e+01, -2.59193146099879641e+01}
    local z = {0.0, -1.03622044471123109e-01, -4.03523417114321381e-01,
        -2.23307578892655734e-01, 1.79258772950371181e-01}
    local vx = {0.0, 1.66007664274403694e-03, -2.76742510726411899e-03,
        2.96460137564761618e-03, 2.68067772490389322e-03}
    local vy = {0.0, 7.69901118419740425e-03, 4.99852801234917238e-03,
        2.37847173959480950e-03, 1.62824170038242295e-03}
    local vz = {0.0, -6.90460016972063023e-05, 2.30417297573763929e-05,
        -2.96589568540237556e-05, -9.51592254519715870e-05}
    local mass = {1.0, 9.54791938424326609e-04, 2.85885980666130812e-04,
        4.36624404335156298e-05, 5.15138902046611451e-05}
    local px, py, pz, energy = 0.0, 0.0, 0.0, 0.0
    for i = 1, 5 do
        vx[i], vy[i], vz[i], mass[i] = vx[i] * year, vy[i] * year, vz[i] * year, mass[i] * sun
        px, py, pz = px + vx[i] * mass[i], py + vy[i] * mass[i], pz + vz[i] * mass[i]
    end
    vx[1], vy[1], vz[1] = -px / sun, -py / sun, -pz / sun
    for step = 1, 500000 do
        for i = 1, 5 do
            for j = i + 1, 5 do
                local dx, dy, dz = x[i] - x[j], y[i] - y[j], z[i] - z[j]
                local square = dx * dx + dy * dy + dz * dz
                local pull = time / (square * sqrt(square))
                local mj, mi = mass[j] * pull, mass[i] * pull
                vx[i] = vx[i] - dx * mj
                vy[i] = vy[i] - dy * mj
                vz[i] = vz[i] - dz * mj
                vx[j] = vx[j] + dx * mi
                vy[j] = vy[j] + dy * mi
                vz[j] = vz[j] + dz * mi
            end
        end
        for i = 1, 5 do
            x[i], y[i], z[i] = x[i] + time * vx[i], y[i] + time * vy[i], z[i] + time * vz[i]
        end
    end
    for i = 1, 5 do
        energy = energy + 0.5 * mass[i] * (vx[i] * vx[i] + vy[i] * vy[i] + vz[i] * vz[i])
        for j = i + 1, 5 do
            local dx, dy, dz = x[i] - x[j], y[i] - y[j], z[i] - z[j]
            energy = energy - mass[i] * mass[j] / sqrt(dx * dx + dy * dy + dz * dz)
        end
    end
    return string.format("%.0f", energy * 1e9)
end

if arg[1] then print(programs[arg[1]]()) end
