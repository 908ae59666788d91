# SPDX-License-Identifier: MIT
#
# layers.bats - the floors of the house: what may include and call what.

load helper

# floor FILE - the floor of a file of shim/runtime, by its name without suffix.
floor()
{
	case $1 in
	base | arch | arch_* | callname | sys | list | log | lock | mem | probes | stats | conf | host | filter)
		echo 0 ;;
	stack | context | tcb | snapshot | kthread | rights | thread | runq | timer | peek | objects | symbol | cfi | cfi_expr | unwind | view)
		echo 1 ;;
	cputime | netpoll | poller | worker | crew | ahead | sched | switch | wait | region | monitor | preempt | kick | globq | idle | wire | dump | layout | deadlock | report)
		echo 2 ;;
	*)
		echo 3 ;;
	esac
}

@test "the runtime includes its own headers only, and none of a higher floor" {
	local file name bad=0

	cd "$GS_SRC/shim/runtime"
	for file in *.[ch]; do
		for name in $(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file"); do
			if [ ! -e "$name" ] || [ "${name##*/}" != "$name" ]; then
				echo "$file includes $name, which is not of the runtime"
				bad=1
			elif [ "$(floor "${name%.*}")" -gt "$(floor "${file%.*}")" ]; then
				echo "$file includes $name, of a floor above"
				bad=1
			fi
		done
	done
	[ "$bad" = 0 ]
}

@test "the runtime's objects ask for nothing but mem*, fcontext and the host table" {
	local file name source bad=0

	for file in "$GS_SRC"/shim/runtime/*.c; do
		source=${file##*/}
		for name in $(nm -u "$GS_BUILD/shim/runtime/.libs/${source%.c}.o" | awk '{ print $2 }'); do
			case $name in
			mem* | make_fcontext | jump_fcontext | gs_* | _GLOBAL_OFFSET_TABLE_) ;;
			__sigsetjmp | __pthread_register_cancel | __pthread_unregister_cancel) ;;
			__pthread_unwind_next) ;;
			_Unwind_Resume | __gcc_personality_v0) ;;
			*)
				echo "$source needs $name"
				bad=1
				;;
			esac
		done
	done
	[ "$bad" = 0 ]
}

@test "glue includes no header of the hooks, hooks are reached by hooks.def and redirect.c" {
	cd "$GS_SRC/shim"
	run grep -nE 'include "hooks/' ./*.[ch] runtime/*.[ch]
	assert_output ""
}

@test "one file knows fcontext, one the thread control block" {
	cd "$GS_SRC/shim"
	run grep -lE '\b(make|jump)_fcontext *\(' -r --include=*.c --include=*.h .
	assert_output --regexp 'runtime/context\.c'
	refute_output --partial hooks/
	run grep -lE 'include "runtime/(arch|context)\.h"' -r hooks
	assert_output ""
}

@test "every header compiles alone" {
	local file bad=0

	cd "$GS_SRC/shim"
	for file in *.h runtime/*.h hooks/*.h; do
		# The architecture's own header is arch.h's to include.
		case $file in runtime/arch_*) continue ;; esac
		printf '#include "%s"\n' "$file" |
			$CC -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Wno-unused-parameter -Werror \
				-fsyntax-only -x c - || bad=1
	done
	[ "$bad" = 0 ]
}

@test "every source file opens with its licence and its name" {
	local file bad=0

	cd "$GS_SRC"
	for file in shim/*.[ch] shim/*.def shim/runtime/*.[ch] shim/hooks/*.[ch] tools/*.[ch]; do
		if [ "$(head -n 1 "$file")" != "/* SPDX-License-Identifier: MIT */" ] ||
			! head -n 4 "$file" | grep -q "^ \* ${file##*/} - "; then
			echo "$file does not"
			bad=1
		fi
	done
	[ "$bad" = 0 ]
}

@test "the lesser and the greater of two: each is looked at once" {
	run "$GS_BUILD/tests/unit/base"
	assert_success
}
