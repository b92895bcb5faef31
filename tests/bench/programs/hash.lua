-- SPDX-License-Identifier: MIT
-- hash in Lua 5.3 or later; without an argument it does nothing.
if arg[1] then
    local number, hash = 88172645463325252, 0xcbf29ce484222325
    for i = 1, 20000000 do
        number = number ~ (number << 13)
        number = number ~ (number >> 7)
        number = number ~ (number << 17)
        hash = (hash ~ number) * 1099511628211
    end
    print(hash)
end
