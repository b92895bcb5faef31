-- A program for tests/tools/example-lua-live.sh: what it prints must not depend on where
-- it is stopped, saved, and continued by another process.
--
--     lua-live -i IMAGE example-lua-live.lua N
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
print("checkpoints", checkpoint())
