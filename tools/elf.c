/* SPDX-License-Identifier: MIT */
/*
 * elf.c - a reader of ELF files.
 *
 * Invariants: nothing is read outside the mapping, whatever the file says.
 * Called from: facts.c.
 */
#include "elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* size bytes at offset at of the file, aligned for what is read there; else NULL. */
static const void *gs_elf_at(const struct gs_elf *elf, uint64_t at, uint64_t size, size_t align)
{
	if (at > elf->size || size > elf->size - at || at % align != 0)
		return NULL;
	return elf->map + at;
}

/* A count of entries at a place where the file ends, or the segment does. */
static const void *gs_elf_table(const struct gs_elf *elf, uint64_t at, uint64_t n, size_t entry)
{
	if (n > elf->size / entry)
		return NULL;
	return gs_elf_at(elf, at, n * entry, 8);
}

/* The place in the file of an address of the running program; UINT64_MAX for none. */
static uint64_t gs_elf_offset(const struct gs_elf *elf, uint64_t addr)
{
	for (size_t i = 0; i < elf->n_phdrs; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (ph->p_type == PT_LOAD && addr >= ph->p_vaddr && addr - ph->p_vaddr < ph->p_filesz)
			return ph->p_offset + (addr - ph->p_vaddr);
	}
	return UINT64_MAX;
}

/* A string of the dynamic section; "" when there is none there. */
static const char *gs_elf_string(const struct gs_elf *elf, uint64_t at)
{
	if (at >= elf->strings_size || !memchr(elf->strings + at, '\0', elf->strings_size - at))
		return "";
	return elf->strings + at;
}

static uint64_t gs_elf_tag(const struct gs_elf *elf, int64_t tag)
{
	for (size_t i = 0; i < elf->n_dyns && elf->dyns[i].d_tag != DT_NULL; i++)
		if (elf->dyns[i].d_tag == tag)
			return elf->dyns[i].d_un.d_val;
	return 0;
}

/* How many symbols there are, the hash table alone tells. */
static size_t gs_elf_gnu_hash(const struct gs_elf *elf, uint64_t at)
{
	const uint32_t *head = gs_elf_at(elf, at, 16, 4), *buckets, *chain;
	uint64_t chains, last = 0;

	if (!head || head[0] > elf->size || head[2] > elf->size)
		return 0;
	at += 16 + head[2] * 8ull;
	buckets = gs_elf_at(elf, at, head[0] * 4ull, 4);
	chains = at + head[0] * 4ull;
	if (!buckets)
		return 0;
	for (uint32_t i = 0; i < head[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < head[1]) /* it exports nothing: all symbols are in front of the table */
		return head[1];
	for (;; last++) {
		chain = gs_elf_at(elf, chains + (last - head[1]) * 4, 4, 4);
		if (!chain)
			return 0;
		if (*chain & 1)
			return (size_t)last + 1;
	}
}

static void gs_elf_dynamic_section(struct gs_elf *elf, const Elf64_Phdr *ph)
{
	uint64_t hash, at;
	const uint32_t *words;
	size_t n = 0;

	elf->dyns = gs_elf_table(elf, ph->p_offset, ph->p_filesz / sizeof(Elf64_Dyn), sizeof(Elf64_Dyn));
	elf->n_dyns = elf->dyns ? ph->p_filesz / sizeof(Elf64_Dyn) : 0;
	elf->strings_size = gs_elf_tag(elf, DT_STRSZ);
	elf->strings = gs_elf_at(elf, gs_elf_offset(elf, gs_elf_tag(elf, DT_STRTAB)),
				 elf->strings_size, 1);
	if (!elf->strings)
		elf->strings_size = 0;
	hash = gs_elf_tag(elf, DT_HASH);
	if (hash) {
		words = gs_elf_at(elf, gs_elf_offset(elf, hash), 8, 4);
		n = words ? words[1] : 0;
	} else if ((hash = gs_elf_tag(elf, DT_GNU_HASH)) != 0) {
		n = gs_elf_gnu_hash(elf, gs_elf_offset(elf, hash));
	}
	at = gs_elf_offset(elf, gs_elf_tag(elf, DT_SYMTAB));
	elf->symbols = n ? gs_elf_table(elf, at, n, sizeof(Elf64_Sym)) : NULL;
	elf->n_symbols = elf->symbols ? n : 0;
}

static int gs_elf_read(struct gs_elf *elf)
{
	const Elf64_Ehdr *eh = gs_elf_at(elf, 0, sizeof(*eh), 8);
	const void *interp;

	if (elf->size < SELFMAG || memcmp(elf->map, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	if (elf->size <= EI_CLASS || elf->map[EI_CLASS] != ELFCLASS64 || !eh || eh->e_machine != EM_X86_64)
		return -EXDEV;
	elf->phdrs = gs_elf_table(elf, eh->e_phoff, eh->e_phnum, sizeof(Elf64_Phdr));
	if (!elf->phdrs || eh->e_phentsize != sizeof(Elf64_Phdr))
		return -EINVAL;
	elf->n_phdrs = eh->e_phnum;
	for (size_t i = 0; i < elf->n_phdrs; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (ph->p_type == PT_DYNAMIC) {
			gs_elf_dynamic_section(elf, ph);
		} else if (ph->p_type == PT_INTERP) {
			interp = gs_elf_at(elf, ph->p_offset, ph->p_filesz, 1);
			if (!interp || ph->p_filesz >= sizeof(elf->interp))
				return -EINVAL;
			memcpy(elf->interp, interp, ph->p_filesz);
		}
	}
	return 0;
}

int gs_elf_open(struct gs_elf *elf, const char *path)
{
	struct stat st;
	int fd, err = 0;

	memset(elf, 0, sizeof(*elf));
	/* Not to wait for the other end of a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0) {
		err = -errno;
	} else if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		err = S_ISDIR(st.st_mode) ? -EISDIR : -ENOEXEC;
	} else {
		elf->size = (size_t)st.st_size;
		elf->map = mmap(NULL, elf->size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (elf->map == MAP_FAILED) {
			elf->map = NULL;
			err = -errno;
		}
	}
	close(fd);
	if (err == 0)
		err = gs_elf_read(elf);
	if (err != 0)
		gs_elf_close(elf);
	return err;
}

void gs_elf_close(struct gs_elf *elf)
{
	if (elf->map)
		munmap((void *)elf->map, elf->size);
	elf->map = NULL;
}

bool gs_elf_dynamic(const struct gs_elf *elf)
{
	return elf->dyns && elf->interp[0];
}

void gs_elf_imports(const struct gs_elf *elf, void (*visit)(const char *name, void *arg), void *arg)
{
	for (size_t i = 0; i < elf->n_symbols; i++) {
		const Elf64_Sym *s = &elf->symbols[i];
		const char *name = gs_elf_string(elf, s->st_name);

		if (s->st_shndx == SHN_UNDEF && *name)
			visit(name, arg);
	}
}

unsigned gs_elf_glibc(const struct gs_elf *elf)
{
	uint64_t at = gs_elf_offset(elf, gs_elf_tag(elf, DT_VERNEED)), n = gs_elf_tag(elf, DT_VERNEEDNUM);
	unsigned highest = 0;

	while (n-- > 0) {
		const Elf64_Verneed *need = gs_elf_at(elf, at, sizeof(*need), 4);
		uint64_t aux_at = need ? at + need->vn_aux : 0;

		for (unsigned i = 0; need && i < need->vn_cnt; i++) {
			const Elf64_Vernaux *aux = gs_elf_at(elf, aux_at, sizeof(*aux), 4);
			unsigned major, minor;

			if (!aux)
				break;
			if (sscanf(gs_elf_string(elf, aux->vna_name), "GLIBC_%3u.%3u", &major, &minor) == 2 &&
			    major * 1000 + minor > highest)
				highest = major * 1000 + minor;
			if (aux->vna_next == 0)
				break;
			aux_at += aux->vna_next;
		}
		if (!need || need->vn_next == 0)
			break;
		at += need->vn_next;
	}
	return highest;
}

bool gs_elf_has_note(const struct gs_elf *elf, const char *owner)
{
	size_t length = strlen(owner) + 1;

	for (size_t i = 0; i < elf->n_phdrs; i++) {
		uint64_t at = elf->phdrs[i].p_offset, end = at + elf->phdrs[i].p_filesz;

		if (elf->phdrs[i].p_type != PT_NOTE || !gs_elf_at(elf, at, elf->phdrs[i].p_filesz, 1))
			continue;
		while (at + sizeof(Elf64_Nhdr) <= end) {
			const Elf64_Nhdr *note = gs_elf_at(elf, at, sizeof(*note), 4);
			const char *name;

			if (!note)
				break;
			/* Go pads the name and counts the padding. */
			name = gs_elf_at(elf, at + sizeof(*note), length, 1);
			if (name && (note->n_namesz + 3ull) / 4 == (length + 3) / 4 &&
			    memcmp(name, owner, length) == 0)
				return true;
			at += sizeof(*note) + ((note->n_namesz + 3ull) & ~3ull) +
			      ((note->n_descsz + 3ull) & ~3ull);
		}
	}
	return false;
}

bool gs_elf_has_section(const struct gs_elf *elf, const char *name)
{
	const Elf64_Ehdr *eh = (const void *)elf->map;
	const Elf64_Shdr *sh = gs_elf_table(elf, eh->e_shoff, eh->e_shnum, sizeof(*sh));
	size_t length = strlen(name) + 1;
	const char *names;

	if (!sh || eh->e_shstrndx >= eh->e_shnum)
		return false;
	names = gs_elf_at(elf, sh[eh->e_shstrndx].sh_offset, sh[eh->e_shstrndx].sh_size, 1);
	for (size_t i = 0; names && i < eh->e_shnum; i++) {
		uint64_t at = sh[i].sh_name, size = sh[eh->e_shstrndx].sh_size;

		if (at < size && length <= size - at && memcmp(names + at, name, length) == 0)
			return true;
	}
	return false;
}
