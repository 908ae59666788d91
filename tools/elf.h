/* SPDX-License-Identifier: MIT */
/*
 * elf.h - what an ELF file says about itself: how it is linked, what it needs and
 * what it imports.
 */
#ifndef GS_ELF_H
#define GS_ELF_H

#include <elf.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* A file mapped read-only. It was written by others: every offset in it is checked. */
struct gs_elf {
	const char *map;
	size_t size;
	const Elf64_Phdr *phdrs;
	size_t n_phdrs;
	const Elf64_Dyn *dyns; /* NULL: no dynamic section */
	size_t n_dyns;
	const Elf64_Sym *symbols;
	size_t n_symbols;
	const char *strings; /* of the dynamic section */
	size_t strings_size;
	char interp[PATH_MAX]; /* the loader, "" for none */
};

/* 0; -ENOEXEC when it is not an ELF file; -EINVAL when it is damaged; -EXDEV when it is for
   another processor; or -errno. After 0 it must be closed. */
int gs_elf_open(struct gs_elf *elf, const char *path);
void gs_elf_close(struct gs_elf *elf);

/* Calls visit for every function and variable it imports. */
void gs_elf_imports(const struct gs_elf *elf, void (*visit)(const char *name, void *arg), void *arg);

/* Linked to others at run time. */
bool gs_elf_dynamic(const struct gs_elf *elf);

/* The highest version X.Y of "GLIBC_" it asks for, as X * 1000 + Y; 0 for none. */
unsigned gs_elf_glibc(const struct gs_elf *elf);

/* Has it a note of that owner (any type), or a section of that name? */
bool gs_elf_has_note(const struct gs_elf *elf, const char *owner);
bool gs_elf_has_section(const struct gs_elf *elf, const char *name);

#endif
