dnl SPDX-License-Identifier: MIT
dnl
dnl GS_BOOST_CONTEXT
dnl ----------------
dnl Finds boost.context's static archive and sets BOOST_CONTEXT_A to its path. The
dnl archive itself, not -lboost_context: a preloaded library may depend on libc
dnl only, since a missing dependency of one kills every program. Its objects
dnl must be position-independent and need nothing for make_fcontext and
dnl jump_fcontext.
AC_DEFUN([GS_BOOST_CONTEXT], [
  AC_ARG_WITH([boost-context],
    [AS_HELP_STRING([--with-boost-context=FILE], [static archive of boost.context])],
    [BOOST_CONTEXT_A=$withval],
    [BOOST_CONTEXT_A=`$CC -print-file-name=libboost_context.a`])
  AC_SUBST([BOOST_CONTEXT_A])
  AC_MSG_CHECKING([for boost.context's static archive])
  AS_IF([test -f "$BOOST_CONTEXT_A"],
    [BOOST_CONTEXT_A=`readlink -f "$BOOST_CONTEXT_A"`
     AC_MSG_RESULT([$BOOST_CONTEXT_A])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([libboost_context.a not found; install libboost-context-dev or use --with-boost-context=FILE])])

  AC_MSG_CHECKING([whether it links into a shared library on its own])
  gs_saved_LDFLAGS=$LDFLAGS
  gs_saved_LIBS=$LIBS
  gs_saved_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -fPIC"
  LDFLAGS="$LDFLAGS -shared -Wl,--no-undefined"
  LIBS=$BOOST_CONTEXT_A
  AC_LINK_IFELSE([AC_LANG_SOURCE([[
void *make_fcontext(void *sp, unsigned long size, void (*fn)(void *));
void *jump_fcontext(void *to, void *data);
void *gs_probe(void *sp);
void *gs_probe(void *sp) { return jump_fcontext(make_fcontext(sp, 4096, 0), 0); }
]])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([$BOOST_CONTEXT_A is not position-independent or lacks make_fcontext])])
  LDFLAGS=$gs_saved_LDFLAGS
  LIBS=$gs_saved_LIBS
  CFLAGS=$gs_saved_CFLAGS
])

dnl GS_LIBUNWIND
dnl ------------
dnl Finds libunwind's remote interface for the goshim command, and sets
dnl LIBUNWIND_LIBS. Not for the library, which may depend on libc only.
AC_DEFUN([GS_LIBUNWIND], [
  AC_ARG_VAR([LIBUNWIND_LIBS], [linker flags for libunwind's remote interface])
  AS_IF([test -z "$LIBUNWIND_LIBS"], [LIBUNWIND_LIBS="-lunwind-x86_64 -lunwind"])
  AC_MSG_CHECKING([for libunwind's remote interface])
  gs_saved_LIBS=$LIBS
  LIBS="$LIBUNWIND_LIBS $LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <libunwind.h>
int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t, unw_word_t, unw_dyn_info_t *,
				       unw_proc_info_t *, int, void *);
]], [[
static unw_accessors_t accessors;
unw_addr_space_t as = unw_create_addr_space(&accessors, 0);
unw_cursor_t cursor;
return unw_init_remote(&cursor, as, 0) +
	UNW_OBJ(dwarf_search_unwind_table)(as, 0, 0, 0, 0, 0);
]])],
    [AC_MSG_RESULT([$LIBUNWIND_LIBS])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([libunwind, with its remote interface, not found; install libunwind-dev])])
  LIBS=$gs_saved_LIBS
])
