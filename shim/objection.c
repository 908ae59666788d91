/* SPDX-License-Identifier: MIT */
/*
 * objection.c - recognises what cannot live with green threads: runtimes that have a
 * scheduler of their own, and move their own threads between those they made of the
 * system's, and those that keep books on every thread of the process.
 *
 * Locks: the dynamic linker's, held by dl_iterate_phdr.
 * Called from: init.c.
 */
#include "objection.h"

#include "runtime/base.h"

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#define GS_OBJECTION_SANITIZER "a sanitizer, which keeps books on every thread"

/* Theirs if they are in the process. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

/* Is there a note of Go's between the two? The Go linker leaves one in programs and libraries. */
static bool gs_objection_go_note(const char *at, const char *end)
{
	while (end - at > (ptrdiff_t)sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)at;
		const char *name = at + sizeof(*note);

		if (note->n_namesz == 4 && end - name >= 4 && memcmp(name, "Go\0", 4) == 0)
			return true;
		at = name + ((note->n_namesz + 3ul) & ~3ul) + ((note->n_descsz + 3ul) & ~3ul);
	}
	return false;
}

/* Does the program ask for a name that only a sanitizer has? One that is linked into it
   need not show its own names to others, but leaves open what the program may define. */
static bool gs_objection_sanitized(void)
{
	const ElfW(Phdr) *ph = (const void *)getauxval(AT_PHDR);
	uintptr_t n = getauxval(AT_PHNUM), base = 0;
	const ElfW(Dyn) *d = NULL;
	const ElfW(Sym) *symbols = NULL;
	const char *names = NULL;
	const uint32_t *hash = NULL;

	/* Not by dl_iterate_phdr: that is the sanitizer's, which is not awake yet. */
	for (uintptr_t i = 0; i < n; i++) {
		if (ph[i].p_type == PT_PHDR)
			base = (uintptr_t)ph - ph[i].p_vaddr;
		else if (ph[i].p_type == PT_DYNAMIC)
			d = (const void *)(base + ph[i].p_vaddr);
	}
	/* The dynamic linker has made addresses of them. */
	for (; d && d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			symbols = (const void *)d->d_un.d_ptr;
		else if (d->d_tag == DT_STRTAB)
			names = (const void *)d->d_un.d_ptr;
		else if (d->d_tag == DT_GNU_HASH)
			hash = (const void *)d->d_un.d_ptr;
	}
	/* hash[1]: where the defined ones begin; those that are asked for stand before. */
	for (uint32_t i = 1; symbols && names && hash && i < hash[1]; i++)
		if (strncmp(names + symbols[i].st_name, "__sanitizer_", 12) == 0)
			return true;
	return false;
}

static int gs_objection_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	/* Valgrind preloads a library of its own, whatever the tool. */
	if (info->dlpi_name && strstr(info->dlpi_name, "/vgpreload_")) {
		*(const char **)arg = "valgrind, which runs one thread at a time and watches each";
		return 1;
	}
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const char *at = (const char *)(uintptr_t)(info->dlpi_addr + ph->p_vaddr);

		if (ph->p_type != PT_NOTE || !gs_objection_go_note(at, at + ph->p_memsz))
			continue;
		*(const char **)arg = info->dlpi_name && *info->dlpi_name ?
			"a library written in Go, which has a scheduler of its own" :
			"a Go program, which has a scheduler of its own";
		return 1;
	}
	return 0;
}

const char *gs_objection_find(void)
{
	const char *why = NULL;

	if (__asan_init || __tsan_init || __msan_init || gs_objection_sanitized())
		return GS_OBJECTION_SANITIZER;
	dl_iterate_phdr(gs_objection_object, &why);
	return why;
}
