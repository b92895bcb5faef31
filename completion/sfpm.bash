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

# sfpm COMMAND ... is completed as sfpm-COMMAND is. The commands are those of its --help.
_sfpm_command()
{
    local commands
    if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} != help ]]; then
        _sfpm "${1%sfpm}sfpm-${COMP_WORDS[1]}"
        return
    fi
    commands=$("$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
    if [[ $COMP_CWORD -eq 1 ]]; then
        commands="$commands help"
    else
        commands="$commands $("$1" --help 2>/dev/null | sed -n 's/^Topics .*://p')"
    fi
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "${COMP_WORDS[COMP_CWORD]}")
}

complete -o bashdefault -o default -F _sfpm_command sfpm
complete -o bashdefault -o default -F _sfpm sfpm-convert sfpm-diff sfpm-save sfpm-run sfpm-patch sfpm-inspect
