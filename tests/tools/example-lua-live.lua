-- A program for tests/tools/example-lua-live.sh: what it prints must not depend on where
-- it is stopped, saved, and continued by another process.
--
--     lua-live IMAGE example-lua-live.lua N
--
-- leaves, without a word, as soon as its Nth checkpoint is saved; with 0 it runs through.
local stop_at, passed = tonumber(arg[1]), 0

-- In the process that goes on, save() returns once more.
function checkpoint()
    passed = passed + 1
    if passed == stop_at and save("checkpoint " .. passed) == "saved" then
        os.exit(9)
    end
    return passed
end

local function section(name)
    io.write("== ", name, "\n")
    checkpoint()
end

-- Keys in an order that does not change from process to process.
function sorted_keys(t)
    local keys = {}
    for key in pairs(t) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

function hex(bytes)
    return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

section("integers and floats")
local sum = 0
for i = 1, 5 do
    sum = sum + i // 2 + (i << i) - (i ~ 3) + -7 // i + -7 % i
    print(i, sum, i / 2, i ^ 2, 7.5 // i, 1e15 + i, math.type(i), math.type(i / 1))
    checkpoint()
end
print(math.maxinteger + 1 == math.mininteger, 1 // 0.0, -1 // 0.0, 3 | 4, ~0, 5 // -2, 5 % -2)
print(tostring(0 / 0):gsub("-", ""), 0x7fp-3, 1e308 * 10, "10" + 5, "0x10" * 1)

section("strings")
local text = "the quick brown fox"
for word in text:gmatch("%a+") do
    print(word:upper(), word:rep(2, "-"), word:byte(1, -1))
    checkpoint()
end
print(text:gsub("(%w+) (%w+)", "%2 %1"), text:find("quick", 1, true), text:match("(b%w+) ()"))
print(("%5d|%-5d|%05.1f|%x|%q|%s"):format(42, 42, 3.14159, 255, "a\nb\0c", {1, 2} ~= nil))
print(string.pack("<i4s1", 77, "abc"):byte(1, -1))
print(string.unpack("<i4s1", string.pack("<i4s1", 77, "abc")))
local long = {}
for i = 1, 100 do
    long[#long + 1] = ("%03d"):format(i):rep(40)
end
checkpoint()
print(#table.concat(long), table.concat(long):sub(5000, 5010))

section("utf8")
for position, code in utf8.codes("aé水😀") do
    print(position, code, utf8.char(code))
    checkpoint()
end
print(utf8.len("aé水😀"), utf8.offset("aé水😀", 3), utf8.codepoint("水", 1))

section("tables")
local list = {}
for i = 1, 300 do
    list[i] = (i * 7919) % 1009
end
table.sort(list, function(a, b) return a > b end)
checkpoint()
print(#list, list[1], list[150], list[300], table.unpack(list, 10, 15))
table.insert(list, 1, "first")
table.move(list, 1, 3, 5)
print(list[1], list[5], list[6], table.remove(list), select("#", table.unpack(list, 1, 20)))
local squares = setmetatable({}, {__mode = "k"})
local key = {}
squares[key] = 1
squares[{}] = 2
collectgarbage()
checkpoint()
local kept = 0
for _ in pairs(squares) do
    kept = kept + 1
end
print("weak", kept, squares[key])
local names = {}
for i = 1, 50 do
    names["name" .. i] = i
end
checkpoint()
for i = 1, 50, 7 do
    names["name" .. i] = nil
end
local total = 0
for _, value in pairs(names) do
    total = total + value
end
print("names", total, next({}), rawlen(list), rawequal(key, key))

section("closures")
local function counter(step)
    local n = 0
    return function() n = n + step return n end, function() return n end
end
local up, look = counter(3)
for _ = 1, 4 do
    up()
    checkpoint()
    print(up(), look())
end
local adders = {}
for i = 1, 3 do
    adders[i] = function(x) checkpoint() i = i + x return i end
end
print(adders[1](10), adders[1](10), adders[2](1), adders[3](0))
local function deep(n)
    if n == 0 then
        checkpoint()
        return 0
    end
    return 1 + deep(n - 1)
end
print(deep(150), (function(...) checkpoint() return select("#", ...), ... end)(nil, 2, nil))

section("metatables")
local vector = {}
vector.__index = vector
vector.__add = function(a, b) checkpoint() return vector.new(a.x + b.x, a.y + b.y) end
vector.__eq = function(a, b) checkpoint() return a.x == b.x and a.y == b.y end
vector.__lt = function(a, b) checkpoint() return a.x < b.x end
vector.__concat = function(a, b) checkpoint() return tostring(a) .. "&" .. tostring(b) end
vector.__call = function(self, n) checkpoint() return self.x * n end
vector.__len = function() checkpoint() return 2 end
vector.__unm = function(a) return vector.new(-a.x, -a.y) end
vector.__tostring = function(a) return "(" .. a.x .. "," .. a.y .. ")" end
function vector.new(x, y) return setmetatable({x = x, y = y}, vector) end
local a, b = vector.new(1, 2), vector.new(3, 4)
print(tostring(a + b), a == b, a < b, a .. b, a(5), #a, tostring(-a), a + b == vector.new(4, 6))
local default = setmetatable({}, {
    __index = function(t, k) checkpoint() rawset(t, k, k .. "!") return t[k] end,
    __newindex = function(t, k, v) checkpoint() rawset(t, k, v * 2) end,
})
default.n = 21
print(default.n, default.hello, rawget(default, "hello"), getmetatable("").__index == string)

section("coroutines")
local producer = coroutine.wrap(function(first)
    local n = first
    while true do
        n = n + (coroutine.yield(n) or 1)
    end
end)
print(producer(10))
for i = 1, 4 do
    checkpoint()
    print(producer(i), producer())
end
local tree = {1, {2, {3, 4}, 5}, {6}}
local function walk(t)
    for _, v in ipairs(t) do
        if type(v) == "table" then walk(v) else coroutine.yield(v) end
    end
end
for leaf in coroutine.wrap(function() walk(tree) end) do
    checkpoint()
    io.write(leaf, " ")
end
print()
local failing = coroutine.create(function() coroutine.yield(1) error({code = 7}) end)
print(coroutine.resume(failing))
checkpoint()
local ok, problem = coroutine.resume(failing)
print(ok, problem.code, coroutine.status(failing), coroutine.resume(failing))

section("errors")
for i = 1, 3 do
    print(pcall(function()
        checkpoint()
        if i == 2 then error("two", 0) end
        return i
    end))
end
print(xpcall(function() checkpoint() error("caught", 0) end, function(m) return m .. "!" end))
do
    local closing <close> = setmetatable({}, {__close = function() print("closed") end})
    local fixed <const> = 5
    checkpoint()
    print("in block", fixed)
end
print(select(2, pcall(error)), pcall(function() local x = nil; return x.y end) == false)

section("goto")
local i = 1
::again::
checkpoint()
io.write(i, " ")
i = i + 1
if i <= 4 then goto again end
for row = 1, 3 do
    for column = 1, 3 do
        if column == 2 then goto continue end
        io.write(row, ":", column, " ")
        ::continue::
    end
end
print()

section("garbage")
local finalized = 0
for _ = 1, 20 do
    setmetatable({}, {__gc = function() finalized = finalized + 1 end})
end
checkpoint()
collectgarbage()
print("finalized", finalized)
for _, mode in ipairs({"generational", "incremental"}) do
    collectgarbage(mode)
    local rubbish = {}
    for n = 1, 2000 do
        rubbish[n % 100] = {n, tostring(n)}
    end
    checkpoint()
    collectgarbage()
    print(mode, rubbish[50][2], collectgarbage("count") > 0)
end

section("libraries")
print(load("return 1 + ...")(41), load("syntax error here") == nil)
print(os.date("!%Y-%m-%d", 86400), os.time({year = 2001, month = 1, day = 1, hour = 12}) > 0)
print(type(os.clock()), os.getenv("NO_SUCH_NAME"), io.type(io.stdout), io.type(42))
checkpoint()
local name = os.tmpname()
local file = assert(io.open(name, "w"))
file:write("line 1\nline 2\n", 3, "\n")
file:close()
checkpoint()
for line in io.lines(name) do
    io.write("[", line, "]")
end
print(os.remove(name))
print(string.dump(function() return 1 end):sub(1, 4) == "\27Lua", math.max(1, 5, 3), math.tointeger(3.0))
print(debug.getinfo(1, "l").currentline > 200, #debug.traceback("x") > 1)

section("long computation")
local memo = {}
local function fibonacci(n)
    if n < 2 then return n end
    if not memo[n] then memo[n] = fibonacci(n - 1) + fibonacci(n - 2) end
    return memo[n]
end
for n = 10, 90, 20 do
    print(n, fibonacci(n))
    checkpoint()
end
local sieve, primes = {}, {}
for n = 2, 500 do
    if not sieve[n] then
        primes[#primes + 1] = n
        for m = n * n, 500, n do sieve[m] = true end
        if n % 10 == 3 then checkpoint() end
    end
end
print(#primes, primes[#primes], table.concat(primes, ",", 1, 10))
section("binary strings")
do
    local formats = {"<i1i2i4i8", ">i1i2i4i8", "<I1I2I4I8", ">!4i1i4", "<fd", "<z", "<s2"}
    for _, format in ipairs(formats) do
        local values
        if format:find("z") or format:find("s2") then
            values = {"text with\tbytes"}
        elseif format:find("fd") then
            values = {0.5, -1234.0625}
        else
            values = format:find("!") and {-7, 70000} or {100, 30000, 70000, 1 << 40}
        end
        local packed = string.pack(format, table.unpack(values))
        checkpoint()
        local back = table.pack(string.unpack(format, packed))
        assert(back.n == #values + 1 and back[back.n] == #packed + 1)
        for k, value in ipairs(values) do
            assert(back[k] == value)
        end
        print(format, #packed, hex(packed))
    end
    print(string.packsize("<i4i8d"), string.packsize("!8i1i8"), pcall(string.pack, "i1", 300))
    -- A record format with a count, nested.
    local function encode(list)
        local parts = {string.pack("<I2", #list)}
        for _, item in ipairs(list) do
            checkpoint()
            parts[#parts + 1] = string.pack("<s1I4", item.name, item.value)
        end
        return table.concat(parts)
    end
    local function decode(bytes)
        local count, at = string.unpack("<I2", bytes)
        local list = {}
        for n = 1, count do
            local name, value
            name, value, at = string.unpack("<s1I4", bytes, at)
            list[n] = {name = name, value = value}
        end
        return list
    end
    local records = {{name = "alpha", value = 1}, {name = "", value = 0xffffffff}, {name = "omega", value = 77}}
    local bytes = encode(records)
    checkpoint()
    local copies = decode(bytes)
    for n, record in ipairs(records) do
        assert(copies[n].name == record.name and copies[n].value == record.value)
    end
    print(#bytes, hex(bytes))
end

section("bits and checksums")
do
    local table32 = {}
    for n = 0, 255 do
        local c = n
        for _ = 1, 8 do
            c = c & 1 == 1 and 0xedb88320 ~ (c >> 1) or c >> 1
        end
        table32[n] = c
    end
    local function crc32(s)
        local c = 0xffffffff
        for k = 1, #s do
            c = table32[(c ~ s:byte(k)) & 0xff] ~ (c >> 8)
        end
        return c ~ 0xffffffff
    end
    checkpoint()
    assert(crc32("123456789") == 0xcbf43926)
    local function adler32(s)
        local a, b = 1, 0
        for k = 1, #s do
            a = (a + s:byte(k)) % 65521
            b = (b + a) % 65521
        end
        return b << 16 | a
    end
    assert(adler32("Wikipedia") == 0x11e60398)
    print(("%08x %08x"):format(crc32("the quick brown fox"), adler32("the quick brown fox")))

    -- SHA-256, its constants from the roots of primes.
    local k256, h256 = {}, {}
    local function fraction(x)
        return math.floor((x - math.floor(x)) * 2.0 ^ 32)
    end
    local candidate, found = 2, 0
    while found < 64 do
        local prime = true
        for d = 2, math.floor(candidate ^ 0.5) do
            if candidate % d == 0 then prime = false break end
        end
        if prime then
            found = found + 1
            k256[found] = fraction(candidate ^ (1 / 3))
            if found <= 8 then h256[found] = fraction(candidate ^ 0.5) end
        end
        candidate = candidate + 1
    end
    checkpoint()
    local function rotate(x, n)
        return (x >> n | x << (32 - n)) & 0xffffffff
    end
    local function sha256(s)
        local h = {table.unpack(h256)}
        local length = #s
        s = s .. "\x80" .. ("\0"):rep((55 - length) % 64) .. string.pack(">I8", length * 8)
        for from = 1, #s, 64 do
            local w = {string.unpack(">" .. ("I4"):rep(16), s, from)}
            for t = 17, 64 do
                local x, y = w[t - 15], w[t - 2]
                local s0 = rotate(x, 7) ~ rotate(x, 18) ~ (x >> 3)
                local s1 = rotate(y, 17) ~ rotate(y, 19) ~ (y >> 10)
                w[t] = (w[t - 16] + s0 + w[t - 7] + s1) & 0xffffffff
            end
            local a, b, c, d, e, f, g, z = table.unpack(h)
            for t = 1, 64 do
                if t % 32 == 0 then checkpoint() end
                local s1 = rotate(e, 6) ~ rotate(e, 11) ~ rotate(e, 25)
                local t1 = z + s1 + ((e & f) ~ (~e & g)) + k256[t] + w[t]
                local s0 = rotate(a, 2) ~ rotate(a, 13) ~ rotate(a, 22)
                local t2 = s0 + ((a & b) ~ (a & c) ~ (b & c))
                z, g, f, e, d, c, b, a = g, f, e, (d + t1) & 0xffffffff, c, b, a, (t1 + t2) & 0xffffffff
            end
            for n, v in ipairs({a, b, c, d, e, f, g, z}) do
                h[n] = (h[n] + v) & 0xffffffff
            end
        end
        return (("%08x"):rep(8)):format(table.unpack(h))
    end
    assert(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    print(sha256(("a"):rep(200)))

    local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    local function base64(s)
        local out = {}
        for n = 1, #s, 3 do
            local a, b, c = s:byte(n, n + 2)
            local v = a << 16 | (b or 0) << 8 | (c or 0)
            for shift = 18, 0, -6 do
                local d = (v >> shift & 63) + 1
                out[#out + 1] = digits:sub(d, d)
            end
            if not c then out[#out] = "=" end
            if not b then out[#out - 1] = "=" end
        end
        return table.concat(out)
    end
    local function unbase64(s)
        local out = {}
        for a, b, c, d in s:gmatch("(.)(.)(.)(.)") do
            local v = 0
            for _, one in ipairs({a, b, c, d}) do
                v = v << 6 | (one == "=" and 0 or digits:find(one, 1, true) - 1)
            end
            out[#out + 1] = string.pack(">I3", v):sub(1, c == "=" and 1 or d == "=" and 2 or 3)
        end
        return table.concat(out)
    end
    for _, s in ipairs({"", "f", "fo", "foo", "foob", "fooba", "foobar"}) do
        checkpoint()
        assert(unbase64(base64(s)) == s)
        io.write(base64(s), " ")
    end
    print()
end

section("patterns")
do
    local function split(s, separator)
        local parts = {}
        for part in (s .. separator):gmatch("(.-)" .. separator:gsub("%p", "%%%0")) do
            parts[#parts + 1] = part
        end
        return parts
    end
    local parts = split("a.b..c.", ".")
    assert(#parts == 5 and parts[3] == "" and parts[5] == "")
    print(table.concat(parts, "|"), #split("", ","))
    local function trim(s) return s:match("^%s*(.-)%s*$") end
    assert(trim("  x y \t\n") == "x y" and trim("   ") == "" and trim("") == "")
    checkpoint()
    print(("THE (quick) fox"):find("%((%a+)%)"), ("key = value"):match("^(%w+)%s*=%s*(%w+)$"))
    print(("f(a(b)c)d"):match("%b()"), ("THE quick FOX"):gsub("%f[%a]%u+%f[%A]", string.lower))
    print(("hello world"):gsub("o", {o = "0"}), ("abc"):gsub("", "-"), ("abc"):gsub("%w", "%0%0", 2))
    print(("x^2 + y^2"):gsub("%^(%d)", function(n) return "**" .. n end), ("%d"):rep(3, ","))
    local function template(text, values)
        return (text:gsub("%${(%w+)}", function(name) return tostring(values[name]) end))
    end
    checkpoint()
    assert(template("${a} and ${b}", {a = 1}) == "1 and nil")
    local function decode_url(s)
        return (s:gsub("+", " "):gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end))
    end
    print(decode_url("a+b%20c%2Fd%3d"), template("${who} has ${n}", {who = "Ada", n = 3}))
    -- Comma-separated values, with quotes.
    local function csv(line)
        local fields, at = {}, 1
        while at <= #line + 1 do
            checkpoint()
            if line:sub(at, at) == '"' then
                local value, from = "", at + 1
                repeat
                    local to = assert(line:find('"', from, true))
                    value = value .. line:sub(from, to - 1)
                    local double = line:sub(to + 1, to + 1) == '"'
                    if double then value = value .. '"' end
                    from = to + 2
                until not double
                fields[#fields + 1], at = value, from
            else
                local to = line:find(",", at, true) or #line + 1
                fields[#fields + 1], at = line:sub(at, to - 1), to + 1
            end
        end
        return fields
    end
    for _, line in ipairs({'a,b,c', 'one,"two, three",""', '"say ""yes""",no', ',,'}) do
        local fields = csv(line)
        print(#fields, table.concat(fields, "|"))
    end
    for year, month, day in ("2024-02-29 1999-12-31"):gmatch("(%d+)-(%d+)-(%d+)") do
        checkpoint()
        print(day + 0, month + 0, year + 0, math.type(year + 0))
    end
    print(("\0a\0b"):find("%z", 2), ("a\nb"):match("^a.b$") ~= nil, ("[x]"):match("[]]"), ("a-z"):gsub("[a%-z]", "."))
    print(pcall(string.rep, "x", -1), pcall(string.find, "a", "[a"), pcall(string.gsub, "a", "(", ""))
end

section("numbers")
do
    for _, f in ipairs({"%g", "%.3f", "%e", "%a", "%10.2f|", "%-10.1f|", "%+g", "%.14g"}) do
        print(f, f:format(1 / 3), f:format(-2.5e10), f:format(100))
        checkpoint()
    end
    print(1e15, 1e16, 2 ^ 53, 2 ^ 63, -0.0, 100 // 1e-320 > 0, 3 % -math.huge, -3 % math.huge)
    print(math.maxinteger * 2, math.mininteger // -1, math.mininteger % -1, 7 // 0.5, 5.3 % 2 < 1.31)
    print(tonumber("0x1p4"), tonumber("  12  "), tonumber("1e1"), tonumber("z", 36), tonumber("8", 8), tonumber(""))
    print(math.tointeger("8"), math.tointeger(2 ^ 31), math.tointeger(0.5), 3 == 3.0, math.ult(1, -1))
    print(1 < 1.5, 2 ^ 53 == 2 ^ 53 + 1, math.maxinteger + 0.0 == 2 ^ 63, math.maxinteger < 2 ^ 63, "10" < "9")
    print(math.floor(-3.5), math.ceil(-3.5), math.fmod(-7, 3), math.modf(-3.7), math.abs(math.mininteger))
    print(pcall(function() return 1 // 0 end), pcall(function() return 1 % 0 end), pcall(function() return 1 | 1.5 end))
    print(("%.6f %.6f %.6f"):format(math.sin(1), math.exp(1), math.log(10, 2)), math.pi - math.pi % 0.01)
    checkpoint()
    math.randomseed(42)
    local first = {}
    for n = 1, 20 do first[n] = math.random(1000) end
    checkpoint()
    local second = {}
    for n = 1, 20 do second[n] = math.random(1000) end
    math.randomseed(42)
    for n = 1, 20 do assert(math.random(1000) == first[n]) end
    checkpoint()
    for n = 1, 20 do assert(math.random(1000) == second[n]) end

    -- Large integers, as lists of digits in base 10^7.
    local big = {}
    big.__index = big
    local base = 10000000
    function big.new(n)
        local self = setmetatable({}, big)
        repeat
            self[#self + 1] = n % base
            n = n // base
        until n == 0
        return self
    end
    function big.__add(a, b)
        local sum, carry = setmetatable({}, big), 0
        for n = 1, math.max(#a, #b) do
            local digit = (a[n] or 0) + (b[n] or 0) + carry
            sum[n], carry = digit % base, digit // base
        end
        if carry > 0 then sum[#sum + 1] = carry end
        return sum
    end
    function big.__mul(a, b)
        local product = setmetatable({}, big)
        for n = 1, #a + #b do product[n] = 0 end
        for i = 1, #a do
            local carry = 0
            for k = 1, #b do
                local digit = product[i + k - 1] + a[i] * b[k] + carry
                product[i + k - 1], carry = digit % base, digit // base
            end
            product[i + #b] = carry
        end
        while #product > 1 and product[#product] == 0 do product[#product] = nil end
        return product
    end
    function big.__eq(a, b)
        return tostring(a) == tostring(b)
    end
    function big.__tostring(a)
        local text = {tostring(a[#a])}
        for n = #a - 1, 1, -1 do text[#text + 1] = ("%07d"):format(a[n]) end
        return table.concat(text)
    end
    local factorial = big.new(1)
    for n = 2, 60 do
        factorial = factorial * big.new(n)
        if n % 6 == 0 then checkpoint() end
    end
    print(factorial)
    local f, g = big.new(0), big.new(1)
    for n = 1, 300 do
        f, g = g, f + g
        if n % 50 == 0 then checkpoint() end
    end
    assert(f + g == g + f and f * g == g * f and (f + g) * f == f * f + g * f)
    print(f)
end

section("sorting")
do
    local function numbers(count)
        local list, x = {}, 12345
        for n = 1, count do
            x = (x * 1103515245 + 12345) % 2147483648
            list[n] = x % 1000
        end
        return list
    end
    local function quick(list, low, high)
        if low >= high then return end
        local pivot, at = list[(low + high) // 2], low
        local i, k = low, high
        while i <= k do
            while list[i] < pivot do i = i + 1 end
            while list[k] > pivot do k = k - 1 end
            if i <= k then
                list[i], list[k] = list[k], list[i]
                i, k = i + 1, k - 1
            end
        end
        if high - low > 100 then checkpoint() end
        quick(list, low, k)
        quick(list, i, high)
        return at
    end
    local function merge(list)
        if #list < 2 then return list end
        local middle, sorted = #list // 2, {}
        local left = merge(table.move(list, 1, middle, 1, {}))
        local right = merge(table.move(list, middle + 1, #list, 1, {}))
        local i, k = 1, 1
        for n = 1, #list do
            if k > #right or i <= #left and left[i] <= right[k] then
                sorted[n], i = left[i], i + 1
            else
                sorted[n], k = right[k], k + 1
            end
        end
        if #list > 100 then checkpoint() end
        return sorted
    end
    local function heapsort(list)
        local function sift(from, to)
            local root = from
            while root * 2 <= to do
                local child = root * 2
                if child < to and list[child] < list[child + 1] then child = child + 1 end
                if list[root] >= list[child] then return end
                list[root], list[child] = list[child], list[root]
                root = child
            end
        end
        for n = #list // 2, 1, -1 do sift(n, #list) end
        checkpoint()
        for n = #list, 2, -1 do
            list[1], list[n] = list[n], list[1]
            sift(1, n - 1)
            if n % 100 == 0 then checkpoint() end
        end
    end
    local expected = numbers(500)
    table.sort(expected)
    local one, three = numbers(500), numbers(500)
    quick(one, 1, #one)
    local two = merge(numbers(500))
    heapsort(three)
    for n, value in ipairs(expected) do
        assert(one[n] == value and two[n] == value and three[n] == value)
    end
    print(expected[1], expected[250], expected[500])
    local people = {{"Eve", 30}, {"Bob", 25}, {"Ann", 30}, {"Dan", 25}, {"Cyd", 41}}
    table.sort(people, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
    checkpoint()
    for _, person in ipairs(people) do io.write(person[1], " ") end
    print(pcall(table.sort, {3, "x", 1}))
end

section("data structures")
do
    -- A list that remembers what was used last.
    local cache = {size = 0, limit = 3, map = {}, head = {}, tail = {}}
    cache.head.next, cache.tail.previous = cache.tail, cache.head
    function cache:unlink(node)
        node.previous.next, node.next.previous = node.next, node.previous
    end
    function cache:push(node)
        node.next, node.previous = self.head.next, self.head
        self.head.next.previous, self.head.next = node, node
    end
    function cache:get(key)
        local node = self.map[key]
        if node then
            self:unlink(node)
            self:push(node)
            return node.value
        end
    end
    function cache:put(key, value)
        checkpoint()
        if self.size == self.limit then
            local last = self.tail.previous
            self:unlink(last)
            self.map[last.key], self.size = nil, self.size - 1
        end
        local node = {key = key, value = value}
        self.map[key], self.size = node, self.size + 1
        self:push(node)
    end
    cache:put("a", 1) cache:put("b", 2) cache:put("c", 3)
    assert(cache:get("a") == 1)
    cache:put("d", 4)
    assert(cache:get("b") == nil and cache:get("a") == 1 and cache:get("d") == 4)

    -- A balanced tree.
    local function height(node) return node and node.height or 0 end
    local function update(node)
        node.height = math.max(height(node.left), height(node.right)) + 1
        return node
    end
    local function turn(node, from, to)
        local other = node[from]
        node[from], other[to] = other[to], node
        update(node)
        return update(other)
    end
    local function insert(node, key)
        if not node then return {key = key, height = 1} end
        local side = key < node.key and "left" or "right"
        node[side] = insert(node[side], key)
        update(node)
        local difference = height(node.left) - height(node.right)
        if difference > 1 then
            if height(node.left.left) < height(node.left.right) then
                node.left = turn(node.left, "right", "left")
            end
            return turn(node, "left", "right")
        elseif difference < -1 then
            if height(node.right.right) < height(node.right.left) then
                node.right = turn(node.right, "left", "right")
            end
            return turn(node, "right", "left")
        end
        return node
    end
    local function each(node)
        return coroutine.wrap(function()
            local function walk(one)
                if one then
                    walk(one.left)
                    coroutine.yield(one.key, one.height)
                    walk(one.right)
                end
            end
            walk(node)
        end)
    end
    local root
    for n = 1, 200 do
        root = insert(root, n * 37 % 211)
        if n % 40 == 0 then checkpoint() end
    end
    local last, count = -1, 0
    for key in each(root) do
        assert(key > last)
        last, count = key, count + 1
        if count % 50 == 0 then checkpoint() end
    end
    assert(count == 200 and root.height <= 10)
    print("tree", count, root.height, root.key)

    -- A priority queue, and shortest ways with it.
    local queue = {}
    local function push(item, priority)
        queue[#queue + 1] = {item, priority}
        local at = #queue
        while at > 1 and queue[at // 2][2] > queue[at][2] do
            queue[at // 2], queue[at] = queue[at], queue[at // 2]
            at = at // 2
        end
    end
    local function pop()
        local top = queue[1]
        local end_of_queue = table.remove(queue)
        if #queue == 0 then return top[1], top[2] end
        queue[1] = end_of_queue
        local at = 1
        while true do
            local least = at
            for child = 2 * at, 2 * at + 1 do
                if queue[child] and queue[child][2] < queue[least][2] then least = child end
            end
            if least == at then return top[1], top[2] end
            queue[at], queue[least] = queue[least], queue[at]
            at = least
        end
    end
    local size = 12
    local function cost(x, y) return (x * 7 + y * 13) % 9 + 1 end
    local distance = {}
    push(1, 0)
    while #queue > 0 do
        local place, so_far = pop()
        if not distance[place] then
            distance[place] = so_far
            local x, y = (place - 1) % size, (place - 1) // size
            for _, step in ipairs({{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) do
                local u, v = x + step[1], y + step[2]
                if u >= 0 and v >= 0 and u < size and v < size then
                    push(v * size + u + 1, so_far + cost(u, v))
                end
            end
            if place % 24 == 0 then checkpoint() end
        end
    end
    for place = 2, size * size do
        local x, y = (place - 1) % size, (place - 1) // size
        local best = math.huge
        for _, step in ipairs({{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) do
            local u, v = x + step[1], y + step[2]
            if u >= 0 and v >= 0 and u < size and v < size then
                best = math.min(best, distance[v * size + u + 1])
            end
        end
        assert(distance[place] == best + cost(x, y))
    end
    print("ways", distance[size], distance[size * size])

    -- An order in which each thing comes after what it needs.
    local needs = {shirt = {}, tie = {"shirt"}, jacket = {"tie", "belt"}, trousers = {}, shoes = {"trousers", "socks"},
                   belt = {"trousers"}, socks = {}}
    local order, state = {}, {}
    local function visit(name)
        if state[name] == "done" then return end
        assert(state[name] ~= "open", "a circle")
        state[name] = "open"
        for _, need in ipairs(needs[name]) do visit(need) end
        state[name] = "done"
        order[#order + 1] = name
        checkpoint()
    end
    for _, name in ipairs(sorted_keys(needs)) do visit(name) end
    print(table.concat(order, " "))
    needs.shirt = {"jacket"}
    state = {}
    print(select(2, pcall(visit, "tie")):match("a circle"))
end

section("classes")
do
    local function class(parent)
        local c = {}
        c.__index = c
        c.super = parent
        for _, name in ipairs({"__tostring", "__eq", "__lt", "__le"}) do
            c[name] = parent and parent[name]
        end
        return setmetatable(c, {
            __index = parent,
            __call = function(self, ...)
                local object = setmetatable({}, self)
                if self.init then object:init(...) end
                return object
            end,
        })
    end
    local shape = class()
    function shape:init(name) self.name = name end
    function shape:area() error("no area", 2) end
    function shape:__tostring() return ("%s of %.2f"):format(self.name, self:area()) end
    shape.__lt = function(a, b) checkpoint() return a:area() < b:area() end
    shape.__le = function(a, b) return a:area() <= b:area() end
    local circle, rectangle = class(shape), class(shape)
    function circle:init(r) shape.init(self, "circle") self.r = r end
    function circle:area() return math.pi * self.r ^ 2 end
    function rectangle:init(w, h) shape.init(self, "rectangle") self.w, self.h = w, h end
    function rectangle:area() return self.w * self.h end
    local square = class(rectangle)
    function square:init(side) rectangle.init(self, side, side) self.name = "square" end
    local shapes = {circle(1), rectangle(2, 3), square(1.5), circle(0.5)}
    for n = 2, #shapes do
        local k = n
        while k > 1 and shapes[k] < shapes[k - 1] do
            shapes[k], shapes[k - 1] = shapes[k - 1], shapes[k]
            k = k - 1
        end
    end
    for _, one in ipairs(shapes) do print(one) end
    assert(square.super == rectangle and rawget(square, "area") == nil and square(2):area() == 4)
    print(pcall(shape.area, shape("x")), circle(1) <= circle(1), circle(2) == circle(2))

    local function read_only(t)
        return setmetatable({}, {
            __index = t,
            __newindex = function(_, k) error("field " .. tostring(k) .. " cannot be set", 2) end,
            __len = function() return #t end,
            __pairs = function() return next, t, nil end,
            __metatable = "locked",
        })
    end
    local fixed = read_only({10, 20, 30})
    checkpoint()
    local sum = 0
    for _, v in pairs(fixed) do sum = sum + v end
    print(sum, #fixed, fixed[2], pcall(function() fixed[2] = 1 end))
    print(getmetatable(fixed), pcall(setmetatable, fixed, {}))
    local set = {}
    set.__index = set
    local function new_set(list)
        local self = setmetatable({items = {}}, set)
        for _, v in ipairs(list) do self.items[v] = true end
        return self
    end
    set.__bor = function(a, b) return new_set(table.move(b:list(), 1, #b:list(), #a:list() + 1, a:list())) end
    set.__band = function(a, b)
        local both = new_set({})
        for v in pairs(a.items) do both.items[v] = b.items[v] end
        return both
    end
    set.__sub = function(a, b)
        local rest = new_set({})
        for v in pairs(a.items) do if not b.items[v] then rest.items[v] = true end end
        return rest
    end
    set.__bxor = function(a, b) checkpoint() return (a | b) - (a & b) end
    set.__shl = function(a, n) local moved = new_set({}) for v in pairs(a.items) do moved.items[v + n] = true end return moved end
    set.__idiv = function(a, n) local cut = new_set({}) for v in pairs(a.items) do cut.items[v // n] = true end return cut end
    set.__bnot = function(a) return #a:list() end
    function set:list() return sorted_keys(self.items) end
    set.__tostring = function(a) return "{" .. table.concat(a:list(), ",") .. "}" end
    local a, b = new_set({1, 2, 3, 4}), new_set({3, 4, 5})
    print(a | b, a & b, a - b, a ~ b, a << 10, b // 2, ~a)
end

section("a language")
do
    -- From text to tokens, to a tree, to closures, and to instructions of a stack machine.
    local function tokens(text)
        local list = {}
        local at = 1
        while at <= #text do
            local space, number, name, sign
            space, at = text:match("^(%s*)()", at)
            number = text:match("^%d+%.?%d*", at)
            name = text:match("^%a%w*", at)
            sign = text:match("^[<>=!]=", at) or text:match("^[-+*/%%^()=<>;,{}]", at)
            local token = number or name or sign
            if token then
                list[#list + 1] = {kind = number and "number" or name and "name" or "sign", text = token}
                at = at + #token
            elseif at <= #text then
                error("unknown character at " .. at, 0)
            end
        end
        return list
    end
    local levels = {{"==", "<", ">"}, {"+", "-"}, {"*", "/", "%"}}
    local function parse(text)
        local list, at = tokens(text), 1
        local function peek() return list[at] and list[at].text end
        local function take(expected)
            local token = list[at]
            if not token or expected and token.text ~= expected then
                error(("expected %s, found %s"):format(expected or "more", token and token.text or "the end"), 0)
            end
            at = at + 1
            return token
        end
        local expression
        local function operand()
            local token = take()
            if token.text == "(" then
                local inner = expression(1)
                take(")")
                return inner
            elseif token.text == "-" then
                return {"negate", operand()}
            elseif token.kind == "number" then
                return {"number", math.tointeger(token.text) or tonumber(token.text)}
            elseif token.kind == "name" then
                return {"get", token.text}
            end
            error("unexpected " .. token.text, 0)
        end
        function expression(level)
            if level > #levels then return operand() end
            local left = expression(level + 1)
            while true do
                local found
                for _, sign in ipairs(levels[level]) do found = found or peek() == sign and sign end
                if not found then return left end
                take()
                left = {"binary", found, left, expression(level + 1)}
            end
        end
        local statement
        local function block()
            local body = {"block"}
            take("{")
            while peek() ~= "}" do body[#body + 1] = statement() end
            take("}")
            return body
        end
        function statement()
            if peek() == "while" then
                take()
                return {"while", expression(1), block()}
            elseif peek() == "if" then
                take()
                local condition, yes = expression(1), block()
                if peek() ~= "else" then return {"if", condition, yes, {"block"}} end
                take()
                return {"if", condition, yes, block()}
            elseif peek() == "print" then
                take()
                local value = expression(1)
                take(";")
                return {"print", value}
            end
            local name = take().text
            take("=")
            local value = expression(1)
            take(";")
            return {"set", name, value}
        end
        local program = {"block"}
        while list[at] do program[#program + 1] = statement() end
        checkpoint()
        return program
    end
    local operations = {
        ["+"] = function(a, b) return a + b end, ["-"] = function(a, b) return a - b end,
        ["*"] = function(a, b) return a * b end, ["/"] = function(a, b) return a / b end,
        ["%"] = function(a, b) return a % b end, ["=="] = function(a, b) return a == b end,
        ["<"] = function(a, b) return a < b end, [">"] = function(a, b) return a > b end,
    }
    -- One: closures.
    local make = {}
    local function closure(node) return make[node[1]](table.unpack(node, 2)) end
    function make.number(value) return function() return value end end
    function make.get(name)
        return function(env)
            local value = env[name]
            if value == nil then error("unknown name " .. name, 0) end
            return value
        end
    end
    function make.negate(inner)
        local f = closure(inner)
        return function(env) return -f(env) end
    end
    function make.binary(sign, left, right)
        local f, g, operation = closure(left), closure(right), operations[sign]
        return function(env) return operation(f(env), g(env)) end
    end
    function make.set(name, value)
        local f = closure(value)
        return function(env) env[name] = f(env) end
    end
    function make.print(value)
        local f = closure(value)
        return function(env) env.out[#env.out + 1] = tostring(f(env)) end
    end
    function make.block(...)
        local list = {}
        for n, node in ipairs({...}) do list[n] = closure(node) end
        return function(env) for _, f in ipairs(list) do f(env) end end
    end
    make["while"] = function(condition, body)
        local f, g = closure(condition), closure(body)
        return function(env) while f(env) do g(env) checkpoint() end end
    end
    make["if"] = function(condition, yes, no)
        local f, g, h = closure(condition), closure(yes), closure(no)
        return function(env) if f(env) then g(env) else h(env) end end
    end
    -- Two: instructions.
    local function compile(program)
        local code = {}
        local function emit(...) code[#code + 1] = {...} return #code end
        local gen = {}
        local function go(node) gen[node[1]](table.unpack(node, 2)) end
        function gen.number(value) emit("push", value) end
        function gen.get(name) emit("get", name) end
        function gen.negate(inner) emit("push", 0) go(inner) emit("do", "-") end
        function gen.binary(sign, left, right) go(left) go(right) emit("do", sign) end
        function gen.set(name, value) go(value) emit("set", name) end
        function gen.print(value) go(value) emit("print") end
        function gen.block(...) for _, node in ipairs({...}) do go(node) end end
        gen["while"] = function(condition, body)
            local start = #code + 1
            go(condition)
            local leave = emit("unless", 0)
            go(body)
            emit("jump", start)
            code[leave][2] = #code + 1
        end
        gen["if"] = function(condition, yes, no)
            go(condition)
            local other = emit("unless", 0)
            go(yes)
            local leave = emit("jump", 0)
            code[other][2] = #code + 1
            go(no)
            code[leave][2] = #code + 1
        end
        go(program)
        return code
    end
    local function execute(code, env)
        local stack, pc, steps = {}, 1, 0
        while code[pc] do
            local name, value = code[pc][1], code[pc][2]
            pc, steps = pc + 1, steps + 1
            if steps % 50 == 0 then checkpoint() end
            if name == "push" then stack[#stack + 1] = value
            elseif name == "get" then stack[#stack + 1] = env[value]
            elseif name == "jump" then pc = value
            else
                local top = table.remove(stack)
                if name == "set" then env[value] = top
                elseif name == "print" then env.out[#env.out + 1] = tostring(top)
                elseif name == "unless" then if not top then pc = value end
                else stack[#stack] = operations[value](stack[#stack], top)
                end
            end
        end
        assert(#stack == 0)
        return steps
    end
    local programs = {
        "print 1 + 2 * 3 - -4; print (1 + 2) * 3; print 7 / 2; print 7 % 4 * 2;",
        "a = 48; b = 36; while b > 0 { t = a % b; a = b; b = t; } print a;",
        "n = 27; c = 0; while n > 1 { if n % 2 == 0 { n = n / 2; } else { n = 3 * n + 1; } c = c + 1; } print c;",
        "x = 0; y = 1; while x < 100 { t = x + y; x = y; y = t; if x % 2 == 0 { print x; } }",
    }
    for n, text in ipairs(programs) do
        local tree = parse(text)
        local one, two = {out = {}}, {out = {}}
        closure(tree)(one)
        local steps = execute(compile(tree), two)
        assert(table.concat(one.out, " ") == table.concat(two.out, " "))
        print(n, steps, table.concat(one.out, " "))
    end
    for _, text in ipairs({"print ;", "x = (1;", "print y;", "print 1 $ 2;", "while 1 { "}) do
        print(pcall(function() closure(parse(text))({out = {}}) end))
    end
end

section("JSON")
do
    local escapes = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t"}
    local null = setmetatable({}, {__tostring = function() return "null" end})
    local function encode(value)
        if type(value) == "table" and value ~= null then
            local parts = {}
            if #value > 0 or next(value) == nil then
                for n, item in ipairs(value) do parts[n] = encode(item) end
                return "[" .. table.concat(parts, ",") .. "]"
            end
            for n, key in ipairs(sorted_keys(value)) do
                checkpoint()
                parts[n] = encode(key) .. ":" .. encode(value[key])
            end
            return "{" .. table.concat(parts, ",") .. "}"
        elseif type(value) == "string" then
            return '"' .. value:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
        end
        return tostring(value)
    end
    local function decode(text)
        local value
        local function space(at) return text:match("^%s*()", at) end
        local function list(at, close, one)
            local result = {}
            at = space(at + 1)
            if text:sub(at, at) == close then return result, at + 1 end
            repeat
                at = one(result, space(at))
                at = space(at)
                local sign = text:sub(at, at)
                if sign ~= "," and sign ~= close then error("',' or '" .. close .. "' expected at " .. at, 0) end
                at = at + 1
            until sign == close
            return result, at
        end
        local function text_at(at)
            local from, parts = at + 1, {}
            while true do
                local stop = text:find('["\\]', from) or error("a string does not end", 0)
                parts[#parts + 1] = text:sub(from, stop - 1)
                if text:sub(stop, stop) == '"' then return table.concat(parts), stop + 1 end
                local c = text:sub(stop + 1, stop + 1)
                if c == "u" then
                    parts[#parts + 1] = utf8.char(tonumber(text:sub(stop + 2, stop + 5), 16))
                    from = stop + 6
                else
                    parts[#parts + 1] = ({n = "\n", t = "\t"})[c] or c
                    from = stop + 2
                end
            end
        end
        function value(at)
            local c = text:sub(at, at)
            if c == "[" then
                return list(at, "]", function(result, from)
                    local item
                    item, from = value(from)
                    result[#result + 1] = item
                    return from
                end)
            elseif c == "{" then
                checkpoint()
                return list(at, "}", function(result, from)
                    local key, item
                    key, from = text_at(from)
                    from = space(from)
                    assert(text:sub(from, from) == ":", "':' expected")
                    item, from = value(space(from + 1))
                    result[key] = item
                    return from
                end)
            elseif c == '"' then
                return text_at(at)
            end
            for word, meaning in pairs({["true"] = true, ["false"] = false, null = null}) do
                if text:sub(at, at + #word - 1) == word then return meaning, at + #word end
            end
            local number, stop = text:match("^(-?%d+%.?%d*[eE]?[-+]?%d*)()", at)
            if not number then error("no value at " .. at, 0) end
            return math.tointeger(number) or tonumber(number), stop
        end
        local result, at = value(space(1))
        if space(at) <= #text then error("more text at " .. at, 0) end
        return result
    end
    local document = {name = "x\"y\\z\n", list = {1, 2.5, -3e20, true, false, null, {}, {{}}}, inner = {a = {b = {c = "\u{e9}\1"}}}}
    local text = encode(document)
    print(text)
    assert(encode(decode(text)) == text)
    checkpoint()
    print(encode(decode('  { "k" : [ 1 , "\\u00e9\\t" ] , "z" : null } ')))
    for _, bad in ipairs({"[1,", "[1 2]", '{"a" 1}', '"x', "nul", "[] []"}) do
        print((select(2, pcall(decode, bad)):gsub("^[^:]*:%d+: ", "")))
    end
end

section("coroutines at work")
do
    -- Tasks that take turns, each saved in its midst.
    local tasks, log = {}, {}
    local function spawn(name, f) tasks[#tasks + 1] = {name = name, thread = coroutine.create(f)} end
    local function note(...) log[#log + 1] = table.concat({...}, " ") end
    for n = 1, 3 do
        spawn("task" .. n, function()
            for step = 1, n + 1 do
                note("task" .. n, step, coroutine.yield(step * n))
            end
            if n == 2 then error("task2 fails", 0) end
            return "done"
        end)
    end
    local round = 0
    while #tasks > 0 do
        round = round + 1
        for n = #tasks, 1, -1 do
            local task = tasks[n]
            local ok, result = coroutine.resume(task.thread, "r" .. round)
            checkpoint()
            if coroutine.status(task.thread) == "dead" then
                note(task.name, tostring(ok), tostring(result))
                table.remove(tasks, n)
            end
        end
    end
    print(round, #log, table.concat(log, "; "))

    local function permutations(list)
        return coroutine.wrap(function()
            local function go(n)
                if n == 0 then coroutine.yield(table.concat(list)) end
                for i = 1, n do
                    list[i], list[n] = list[n], list[i]
                    go(n - 1)
                    list[i], list[n] = list[n], list[i]
                end
            end
            go(#list)
        end)
    end
    local seen, count = {}, 0
    for p in permutations({"a", "b", "c", "d"}) do
        assert(not seen[p])
        seen[p], count = true, count + 1
        if count % 6 == 0 then checkpoint() end
    end
    assert(count == 24)
    -- A chain of generators.
    local function numbers() return coroutine.wrap(function() for n = 2, math.huge do coroutine.yield(n) end end) end
    local function without(source, p)
        return coroutine.wrap(function()
            for n in source do if n % p ~= 0 then coroutine.yield(n) end end
        end)
    end
    local source, primes = numbers(), {}
    for n = 1, 25 do
        primes[n] = source()
        source = without(source, primes[n])
        if n % 5 == 0 then checkpoint() end
    end
    print(table.concat(primes, " "))
    local through = coroutine.wrap(function()
        local ok, value = pcall(function()
            local got = coroutine.yield("inside pcall")
            error({got = got})
        end)
        local t = setmetatable({}, {__index = function(_, k) return coroutine.yield("inside __index " .. k) end})
        return ok, value.got, t.key
    end)
    print(through())
    checkpoint()
    print(through(17))
    checkpoint()
    print(through("value"))
    local closed = {}
    local open = coroutine.create(function()
        local a <close> = setmetatable({}, {__close = function() closed[#closed + 1] = "a" end})
        local b <close> = setmetatable({}, {__close = function() closed[#closed + 1] = "b" end})
        coroutine.yield()
    end)
    coroutine.resume(open)
    checkpoint()
    print(coroutine.close(open), table.concat(closed), coroutine.status(open), coroutine.isyieldable(open))
    print(select("#", coroutine.running()), coroutine.resume(coroutine.create(function() return coroutine.isyieldable() end)))
end

section("functions and environments")
do
    local function memoize(f)
        local known = {}
        return function(n)
            if known[n] == nil then known[n] = f(n) end
            return known[n]
        end
    end
    local calls = 0
    local partitions
    partitions = memoize(function(n)
        calls = calls + 1
        if n < 0 then return 0 end
        if n == 0 then return 1 end
        local sum, k = 0, 1
        while k * (3 * k - 1) // 2 <= n do
            local sign = k % 2 == 1 and 1 or -1
            sum = sum + sign * (partitions(n - k * (3 * k - 1) // 2) + partitions(n - k * (3 * k + 1) // 2))
            k = k + 1
        end
        if n % 10 == 0 then checkpoint() end
        return sum
    end)
    assert(partitions(5) == 7 and partitions(100) == 190569292)
    print(partitions(60), calls)
    local function curry(f, n)
        if n <= 1 then return f end
        return function(a) return curry(function(...) return f(a, ...) end, n - 1) end
    end
    local function compose(f, ...)
        if select("#", ...) == 0 then return f end
        local g = compose(...)
        return function(...) return f(g(...)) end
    end
    print(curry(function(a, b, c) return a * 100 + b * 10 + c end, 3)(1)(2)(3), compose(math.abs, math.floor, tonumber)("-2.5"))
    local packed = table.pack(nil, 2, nil, 4, nil)
    checkpoint()
    print(packed.n, select("#", table.unpack(packed, 1, packed.n)), select(-2, 1, 2, 3), (select(2, "a", "b", "c")))
    local env = setmetatable({}, {__index = _G, __newindex = function(t, k, v) rawset(t, k .. "_", v) end})
    local chunk = assert(load("x = 1; y = x_; return x_, y_, type(print)", "chunk", "t", env))
    print(chunk())
    assert(rawget(_G, "x_") == nil and load("\27Lua", "b", "t") == nil)
    local pieces = {"return ", "1 ", "+ ", "2"}
    local n = 0
    print(load(function() n = n + 1 return pieces[n] end)())
    local function outer()
        local shared = 0
        return function() shared = shared + 1 return shared end, function() return shared end
    end
    local up1, get1 = outer()
    local up2, get2 = outer()
    up1() up1() up2()
    checkpoint()
    assert(get1() == 2 and get2() == 1 and debug.upvalueid(up1, 1) == debug.upvalueid(get1, 1))
    debug.upvaluejoin(get2, 1, up1, 1)
    assert(get2() == 2)
    local copy = load(string.dump(function(a) local b = a * 2 return function() b = b + 1 return b end end))
    local g = copy(4)
    g()
    checkpoint()
    print(g(), debug.getinfo(g, "S").what, debug.getinfo(1, "n") ~= nil, debug.getlocal(copy, 1))
end

section("errors in depth")
do
    local problem = setmetatable({code = 5}, {__tostring = function(e) return "problem " .. e.code end})
    local function level(n)
        checkpoint()
        if n == 0 then error(problem) end
        local ok, e = pcall(level, n - 1)
        e.code = e.code + n
        error(e)
    end
    local ok, e = pcall(level, 5)
    print(ok, tostring(e), e == problem)
    print(xpcall(function() local x = nil + 1 end, function(m) return "handled: " .. m:gsub("^[^:]*:%d+: ", "") end))
    print(pcall(error), pcall(error, nil), pcall(error, "text", 0), select("#", pcall(error)))
    for _, f in ipairs({
        function() return {} < {} end, function() return #5 end, function() return ("x")() end,
        function() return {} .. "x" end, function() local t t.x = 1 end, function() return math.floor("z") end,
        function() for i = 1, 10, 0 do end end, function() setmetatable(1, {}) end, function() return 2 ^ {} end,
    }) do
        checkpoint()
        print((select(2, pcall(f)):gsub("^[^:]*:%d+: ", "")))
    end
    local trail = {}
    local function resource(name)
        return setmetatable({}, {__close = function(_, err) trail[#trail + 1] = name .. ":" .. tostring(err) end})
    end
    print(pcall(function()
        local a <close> = resource("a")
        checkpoint()
        local b <close> = resource("b")
        error("stop", 0)
    end))
    for i = 1, 2 do
        local c <close> = resource("c" .. i)
        checkpoint()
        if i == 2 then break end
    end
    print(table.concat(trail, " "))
    print(select(2, pcall(string.rep)), (select(2, pcall(setmetatable, {}, 1))))
    local depth = 0
    local function forever() depth = depth + 1 return 1 + forever() end
    print(select(2, pcall(forever)):match("stack overflow"), depth > 1000)
    print(assert(1, "unused"), select(2, pcall(assert, false, "said")), select(2, pcall(assert, nil)))
end

section("garbage and finalizers")
do
    local order = {}
    for n = 1, 5 do
        setmetatable({}, {__gc = function() order[#order + 1] = n end})
    end
    checkpoint()
    collectgarbage()
    print(table.concat(order, " "))
    local keep
    do
        local phoenix = setmetatable({name = "phoenix"}, {__gc = function(o) keep = o end})
        phoenix = nil
    end
    collectgarbage()
    checkpoint()
    print(keep and keep.name)
    local values, keys = setmetatable({}, {__mode = "v"}), setmetatable({}, {__mode = "k"})
    local held = {}
    for n = 1, 10 do
        local object = {n}
        values[n] = object
        keys[object] = {object} -- its own value leads back to it
        if n % 3 == 0 then held[#held + 1] = object end
    end
    values.text, values.number = "a string", 42
    checkpoint()
    collectgarbage()
    collectgarbage()
    local alive, pairs_alive = 0, 0
    for n = 1, 10 do if values[n] then alive = alive + 1 end end
    for object in pairs(keys) do pairs_alive = pairs_alive + (object[1] % 3 == 0 and 1 or 100) end
    print(alive, pairs_alive, values.text, values.number, #held)
    local before = collectgarbage("count")
    local large = {}
    for n = 1, 20000 do large[n] = {n, n + 0.5, tostring(n)} end
    checkpoint()
    local during = collectgarbage("count")
    assert(large[20000][3] == "20000" and during > before)
    large = nil
    collectgarbage()
    checkpoint()
    assert(collectgarbage("count") < during - 500)
    local strings = {}
    for n = 1, 300 do strings[n] = ("s%d"):format(n % 100):rep(20) end
    checkpoint()
    for n = 101, 300 do assert(strings[n] == strings[n - 100]) end
    print(collectgarbage("isrunning"), collectgarbage("step", 10) ~= nil)
end

section("puzzles")
do
    local function queens(n)
        local solutions, columns, up, down = 0, {}, {}, {}
        local function place(row)
            if row > n then solutions = solutions + 1 return end
            for c = 1, n do
                if not (columns[c] or up[row + c] or down[row - c]) then
                    columns[c], up[row + c], down[row - c] = true, true, true
                    place(row + 1)
                    columns[c], up[row + c], down[row - c] = nil, nil, nil
                end
            end
            if row == 2 then checkpoint() end
        end
        place(1)
        return solutions
    end
    print(queens(5), queens(6), queens(7))
    local grid = {}
    for y = 1, 10 do
        grid[y] = {}
        for x = 1, 10 do grid[y][x] = 0 end
    end
    for _, cell in ipairs({{2, 1}, {3, 2}, {1, 3}, {2, 3}, {3, 3}}) do grid[cell[2]][cell[1]] = 1 end
    for generation = 1, 12 do
        local new = {}
        for y = 1, 10 do
            new[y] = {}
            for x = 1, 10 do
                local around = -grid[y][x]
                for dy = -1, 1 do
                    for dx = -1, 1 do
                        around = around + grid[(y + dy - 1) % 10 + 1][(x + dx - 1) % 10 + 1]
                    end
                end
                new[y][x] = (around == 3 or around == 2 and grid[y][x] == 1) and 1 or 0
            end
        end
        grid = new
        if generation % 3 == 0 then checkpoint() end
    end
    for y = 1, 10 do
        local row = table.concat(grid[y]):gsub("0", "."):gsub("1", "#")
        if row:find("#") then print(y, row) end
    end
    local function distance(a, b)
        local row = {}
        for k = 0, #b do row[k] = k end
        for i = 1, #a do
            local corner = row[0]
            row[0] = i
            for k = 1, #b do
                local old = row[k]
                row[k] = math.min(row[k] + 1, row[k - 1] + 1, corner + (a:byte(i) == b:byte(k) and 0 or 1))
                corner = old
            end
        end
        checkpoint()
        return row[#b]
    end
    print(distance("kitten", "sitting"), distance("", "abc"), distance("saturday", "sunday"))
    local function roman(n)
        local text = ""
        for _, pair in ipairs({{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
                               {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}}) do
            while n >= pair[1] do text, n = text .. pair[2], n - pair[1] end
        end
        return text
    end
    print(roman(1994), roman(2024), roman(3999))
    local function compress(s)
        local codes, out, current, next_code = {}, {}, "", 256
        for c = 0, 255 do codes[string.char(c)] = c end
        for c in s:gmatch(".") do
            if codes[current .. c] then
                current = current .. c
            else
                out[#out + 1] = codes[current]
                codes[current .. c], next_code = next_code, next_code + 1
                current = c
            end
        end
        out[#out + 1] = codes[current]
        return out
    end
    local function expand(codes)
        local words, next_code = {}, 256
        for c = 0, 255 do words[c] = string.char(c) end
        local last = words[codes[1]]
        local out = {last}
        for n = 2, #codes do
            local word = words[codes[n]] or last .. last:sub(1, 1)
            out[n] = word
            words[next_code], next_code = last .. word:sub(1, 1), next_code + 1
            last = word
        end
        return table.concat(out)
    end
    local original = ("the cat sat on the mat; "):rep(20)
    local codes = compress(original)
    checkpoint()
    assert(expand(codes) == original and #codes < #original // 3)
    print(#original, #codes)
    local machine, state = {}, "start"
    local input, at, words = "12+345*6", 1, {}
    ::step::
    do
        local c = input:sub(at, at)
        checkpoint()
        if state == "start" then
            if c == "" then goto stop end
            state = c:find("%d") and "number" or "sign"
            machine.from = at
            goto step
        elseif state == "number" then
            if c:find("%d") then at = at + 1 goto step end
            words[#words + 1], state = input:sub(machine.from, at - 1), "start"
            goto step
        end
        words[#words + 1], state, at = c, "start", at + 1
        goto step
    end
    ::stop::
    print(table.concat(words, " "))
end

section("files")
do
    local name = os.tmpname()
    for _, mode in ipairs({"w", "a", "r+"}) do
        local file <close> = assert(io.open(name, mode))
        file:seek(mode == "r+" and "set" or "end", mode == "r+" and 6 or 0)
        file:write(mode, " line\n", 12, " ", 3.5, "\n")
    end
    checkpoint()
    local file = assert(io.open(name))
    print(file:read("l", "n", "n", "L"))
    print(file:seek("cur"), file:read(3), file:seek("end"), file:read("a"), file:read("l"))
    assert(file:close() and io.type(file) == "closed file")
    checkpoint()
    local lines = {}
    for line in io.lines(name) do lines[#lines + 1] = line end
    print(#lines, table.concat(lines, "|"), pcall(file.read, file))
    assert(os.rename(name, name .. ".new") and os.remove(name .. ".new"))
    print(io.open(name) == nil, (pcall(io.lines, name)), os.getenv("HOME") ~= "")
    checkpoint()
    print(os.date("!%H:%M:%S %j", 3661), os.time({year = 2020, month = 3, day = 0, hour = 12}) - os.time({year = 2020, month = 2, day = 28, hour = 12}))
end

print("checkpoints", checkpoint())
