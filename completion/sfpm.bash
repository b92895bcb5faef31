# SPDX-License-Identifier: MIT
# Completion of the sfpm tools for bash. What a tool's --help says is what is
# completed: there is no second list of options. Everything else is a file.
# shellcheck shell=bash

_sfpm()
{
    local current=${COMP_WORDS[COMP_CWORD]} options matches
    COMPREPLY=()
    [[ $current == -* ]] || return 0
    options=$("$1" --help 2>/dev/null |
        sed -n 's/^ *\(-[^-], *\)\{0,1\}\(--[a-z][a-z0-9-]*=\{0,1\}\).*/\2/p')
    matches=$(compgen -W "$options" -- "$current") || return 0
    mapfile -t COMPREPLY <<<"$matches"
    # After --output= comes its value, not a space.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}

complete -o bashdefault -o default -F _sfpm sfpm-convert sfpm-diff sfpm-save sfpm-run sfpm-patch sfpm-inspect
