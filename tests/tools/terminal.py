# SPDX-License-Identifier: MIT
# terminal.py COMMAND...: runs COMMAND on a terminal of its own, and prints what it prints
# there. The exit status is that of COMMAND.
import fcntl, os, pty, sys, termios

master, slave = pty.openpty()
child = os.fork()
if child == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(slave)
while True:
    try:
        piece = os.read(master, 4096)
    except OSError: # the other end is closed
        break
    if not piece:
        break
    sys.stdout.buffer.write(piece.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
