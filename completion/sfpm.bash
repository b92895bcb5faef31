# SPDX-License-Identifier: MIT
# Completion of the sfpm tools for bash: each tool itself says what a word may become,
# from its options and from what is in images. Everything else is a file.
# shellcheck shell=bash

_sfpm()
{
    local line=${COMP_LINE:0:COMP_POINT} current before word words files=
    COMPREPLY=()
    # bash splits words at = : and @ too. A word is replaced from the last of these on.
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]}-1]}
    before=${current%"${current##*[=:@]}"}
    while IFS=$'\t' read -r word _; do
        if [[ $word == :files ]]; then
            files=yes
        else
            word=${word#"$before"}
            # After --output= comes its value, not a space; so it is after REGION:.
            [[ $word == *[=:] ]] && compopt -o nospace 2>/dev/null
            printf -v word %q "$word"
            COMPREPLY+=("${word//\\=/=}")
        fi
    done < <("$1" --complete "${words[@]:1}" 2>/dev/null)
    if [[ -n $files ]]; then
        current=${current##*=}
        [[ $current == *@* ]] || while IFS= read -r word; do
            compopt -o filenames 2>/dev/null
            COMPREPLY+=("$word")
        done < <(compgen -f -- "$current")
    fi
    return 0
}

complete -F _sfpm sfpm sfpm-convert sfpm-diff sfpm-save sfpm-run sfpm-patch sfpm-inspect
