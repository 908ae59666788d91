# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154,SC2207
#
# goshim.bash - completion of the goshim command. Commands, options and debug words are
# asked of the command itself (--help, --explain), so they are those it has.

# Processes that have the library loaded.
_goshim_pids()
{
	COMPREPLY=($(compgen -W "$(grep -ls '/libgoshim[^/]*\.so' /proc/[0-9]*/maps 2>/dev/null |
		cut -d/ -f3)" -- "$cur"))
}

# A comma-separated list of the words of GOSHIM_DEBUG; = behind those with a value.
_goshim_debug()
{
	local before='' words

	words=$("$command" --explain 2>/dev/null | awk '
		sub(/^GOSHIM_DEBUG=/, "") { word = $1; next }
		word { print word (/without a value/ ? "" : "="); word = "" }')
	case $cur in *,*) before=${cur%,*}, ;; esac
	COMPREPLY=($(compgen -P "$before" -W "$words" -- "${cur##*,}"))
	compopt -o nospace
}

# What option $1 takes: a word like PATH, or nothing.
_goshim_argument()
{
	awk -v option="$1" '
		{ for (i = 1; i <= 2; i++) {
			name = $i; sub(/[=,].*/, "", name)
			if (name == option && match($0, /^ +(-., )?--[a-z-]+=[A-Z]+/)) {
				sub(/^[^=]*=/, ""); sub(/[^A-Z].*/, ""); print; exit
			}
		} }' <<<"$help"
}

_goshim()
{
	local cur prev words cword split command help i

	_init_completion -s || return
	command=${words[0]}
	if [ "$cword" = 1 ]; then
		COMPREPLY=($(compgen -W "$("$command" --help 2>/dev/null |
			sed -n 's/^  \(\(--\)\{0,1\}[a-z]*\)  .*/\1/p')" -- "$cur"))
		return
	fi
	help=$("$command" "${words[1]}" --help 2>/dev/null) || return
	# Behind run's own options comes a command with options of its own.
	if [[ $help == *' COMMAND '* ]]; then
		for ((i = 2; i < cword; i++)); do
			case ${words[i]} in
			--) i=$((i + 1)) && break ;;
			-*=*) ;;
			-*) [ -z "$(_goshim_argument "${words[i]}")" ] || i=$((i + 1)) ;;
			*) break ;;
			esac
		done
		if [ "$i" -lt "$cword" ] || { [ "$i" = "$cword" ] && [[ ${words[cword]} != -* ]]; }; then
			_command_offset "$i"
			return
		fi
	fi
	case $(_goshim_argument "$prev") in
	LIST) _goshim_debug && return ;;
	PATH) _filedir so && return ;;
	KEY)
		# The words its help lists: "cpu, time, age (in this state) or id".
		COMPREPLY=($(compgen -W "$(sed -n 's/([^)]*)//g; s/ or / /; s/,//g; s/.*=KEY *//p' \
			<<<"$help")" -- "$cur"))
		return
		;;
	?*) return ;;
	esac
	[ "$split" = false ] || return
	case $cur in
	-*)
		COMPREPLY=($(compgen -W "$(sed -n \
			's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z-]*=\{0,1\}\).*/\2/p' <<<"$help")" -- "$cur"))
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
		;;
	*)
		case $help in
		*PID*) _goshim_pids ;;
		*) _filedir ;;
		esac
		;;
	esac
} && complete -F _goshim goshim
