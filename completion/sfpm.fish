# SPDX-License-Identifier: MIT
# Completion of the sfpm tools for fish: each tool itself says what a word may become. fish
# quotes what it inserts.

function __sfpm_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l tool $words[1]
    set -e words[1]
    set -l current $words[-1]
    for line in ($tool --complete $words 2>/dev/null)
        if test "$line" = :files
            set -l start (string match -r -- '^--[a-z-]*=' $current; or echo '')
            __fish_complete_path (string replace -r -- '^--[a-z-]*=' '' $current) | string replace -r '^' -- "$start"
        else
            echo $line
        end
    end
end

for tool in sfpm sfpm-convert sfpm-diff sfpm-inspect sfpm-patch sfpm-run sfpm-save
    complete -c $tool -f -a '(__sfpm_complete)'
end
