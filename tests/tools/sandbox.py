# SPDX-License-Identifier: MIT
# sandbox.py NAMES READ WRITE COMMAND...: runs COMMAND as systemd and setpriv --landlock
# would. NAMES is a file with the system calls that are allowed: others fail (seccomp).
# READ and WRITE are files and directories, separated by colons: nothing else can be opened
# for reading or writing (landlock). Exits with 77 where the kernel has neither.
import ctypes, os, struct, subprocess, sys

names, read, write, *command = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)

def check(result):
    if result < 0:
        print("sandbox:", os.strerror(ctypes.get_errno()), file=sys.stderr)
        sys.exit(77)
    return result

def system_call(number, *arguments):
    return check(libc.syscall(ctypes.c_long(number), *arguments))

macros = subprocess.run(["cc", "-dM", "-E", "-include", "sys/syscall.h", "-x", "c", os.devnull],
                        check=True, capture_output=True, text=True).stdout
numbers = {line.split()[1][5:]: int(line.split()[2]) for line in macros.splitlines()
           if line.startswith("#define __NR_") and line.split()[2].isdigit()}

allowed = [numbers[name] for name in open(names).read().split() if name in numbers]

EXECUTE, WRITE, READ, DIRECTORY = 1, 2, 4, 8
ALL = (1 << 13) - 1  # of the first version of landlock
attribute = struct.pack("=Q", ALL)
rules = system_call(444, attribute, ctypes.c_size_t(len(attribute)), 0)
for paths, rights in (read, EXECUTE | READ | DIRECTORY), (write, ALL):
    for path in filter(None, paths.split(":")):
        fd = os.open(path, os.O_PATH)
        if not os.path.isdir(path):
            rights &= EXECUTE | READ | WRITE
        rule = struct.pack("=Qi", rights, fd)
        system_call(445, rules, 1, rule, 0)
check(libc.prctl(38, 1, 0, 0, 0))  # no new privileges
system_call(446, rules, 0)

ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1
filters = [struct.pack("=HBBI", 0x20, 0, 0, 0)]
for number in sorted(set(allowed)):
    filters += [struct.pack("=HBBI", 0x15, 0, 1, number), struct.pack("=HBBI", 6, 0, 0, ALLOW)]
filters.append(struct.pack("=HBBI", 6, 0, 0, REFUSE))
code = ctypes.create_string_buffer(b"".join(filters))
program = struct.pack("@HxxxxxxQ" if ctypes.sizeof(ctypes.c_void_p) == 8 else "@HxxI",
                      len(filters), ctypes.addressof(code))
check(libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0))
os.execvp(command[0], command)
