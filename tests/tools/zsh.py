# SPDX-License-Identifier: MIT
# zsh.py DIRECTORY LINE: prints what the line becomes when Tab is pressed at its end, in a zsh
# that takes completion functions from the directory.
import os, pty, sys

directory, line = sys.argv[1:]
child, master = pty.fork()
if child == 0:
    os.environ.update(TERM="dumb", HOME=os.getcwd(), ZDOTDIR=os.getcwd())
    os.execvp("zsh", ["zsh", "-f", "-i"])

text = b""

def until(mark):
    global text
    while mark not in text:
        text += os.read(master, 4096)
    text = text[text.index(mark) + len(mark):]

def send(command):
    os.write(master, command.encode() + b"\n")

send("stty -echo; PS1=; unsetopt zle_bracketed_paste prompt_cr prompt_sp")
send(f"fpath=({directory} $fpath); autoload -Uz compinit; compinit -u -D")
# The line as it is after Tab goes to a file, instead of being run.
send("take() { print -r -- $BUFFER >taken.new; mv taken.new taken; BUFFER=; zle accept-line }")
send("zle -N take; bindkey '^X' take; setopt no_list_beep; LISTMAX=1000")
send("echo rea''dy")
until(b"ready")
os.write(master, line.encode() + b"\t\x18")
while not os.path.exists("taken"):
    os.read(master, 4096)
print(open("taken").read(), end="")
os.remove("taken")
os.close(master)
os.waitpid(child, 0)
