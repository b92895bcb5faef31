-- SPDX-License-Identifier: MIT
-- Some 100 MB of tables, for lua-live: tables.lua build | dump FILE | load FILE | touch N
local what, argument = arg[1], arg[2]

local function build()
    tables = {}
    for i = 1, 600000 do
        tables[i] = {i, tostring(i), half = i * 0.5}
    end
end

-- A plain dumper: one constructor for each table, in chunks that the compiler takes.
local function dump(file)
    file:write("local t = {}\n")
    for from = 1, #tables, 1000 do
        file:write("t[#t + 1] = function() return {\n")
        for i = from, math.min(from + 999, #tables) do
            local one = tables[i]
            file:write(string.format("{%d,%q,half=%q},\n", one[1], one[2], one.half))
        end
        file:write("} end\n")
    end
    file:write("return t\n")
end

local function load_dump(name)
    tables = {}
    for _, part in ipairs(dofile(name)) do
        table.move(part(), 1, 1000, #tables + 1, tables)
    end
end

if what == "build" then
    build()
elseif what == "dump" then
    build()
    local file = assert(io.open(argument, "w"))
    dump(file)
    assert(file:close())
elseif what == "load" then
    load_dump(argument)
    assert(#tables == 600000 and tables[600000][2] == "600000")
elseif what == "touch" then
    for i = 1, #tables // 100 do
        tables[100000 + i][1] = tables[100000 + i][1] + 1
    end
    local before = os.clock()
    if save() == "saved" then -- and not the process that goes on from there
        print(os.clock() - before)
    end
else
    assert(tables[600000][2] == "600000")
end
