/* SPDX-License-Identifier: MIT */
/*
 * symbol.c - reads .symtab, or .dynsym where that was stripped, and looks through
 * it. The tables are read, not mapped: a file that shrinks under a mapping would
 * be a SIGBUS for the program.
 *
 * Invariants: o->symbols is set by the first look, also when there are none.
 * Locks: none.
 * Called from: view.c; the goshim command.
 */
#include "symbol.h"

#include "mem.h"
#include "sys.h"

#include <elf.h>
#include <string.h>

enum {
	GS_SYMBOL_SECTIONS = 256,
	GS_SYMBOL_MAX_NAME = 256,       /* of a symbol that is looked for */
	GS_SYMBOL_MAX_TABLE = 1 << 28, /* bytes; a larger one is not read */
};

struct gs_symbols {
	Elf64_Sym *table;
	size_t table_size;
	char *names;
	size_t names_size; /* one NUL more is behind them */
};

static bool gs_symbol_read(long fd, void *buf, size_t n, uint64_t at)
{
	size_t got = 0;

	while (got < n) {
		long more = gs_sys4(__NR_pread64, fd, (char *)buf + got, n - got, at + got);

		if (more <= 0)
			return false;
		got += (size_t)more;
	}
	return true;
}

static void *gs_symbol_section(long fd, const Elf64_Shdr *section)
{
	void *copy;

	if (section->sh_size == 0 || section->sh_size > GS_SYMBOL_MAX_TABLE)
		return NULL;
	copy = gs_mem_map(section->sh_size + 1);
	if (copy && !gs_symbol_read(fd, copy, section->sh_size, section->sh_offset)) {
		gs_mem_unmap(copy, section->sh_size + 1);
		copy = NULL;
	}
	return copy;
}

/* Fills in s from the file; sections is room for its section headers. */
static void gs_symbol_load(struct gs_symbols *s, long fd, Elf64_Shdr *sections)
{
	const Elf64_Shdr *table = NULL, *names;
	Elf64_Ehdr eh;

	if (!gs_symbol_read(fd, &eh, sizeof(eh), 0) || eh.e_shentsize != sizeof(*sections) ||
	    eh.e_shnum > GS_SYMBOL_SECTIONS ||
	    !gs_symbol_read(fd, sections, eh.e_shnum * sizeof(*sections), eh.e_shoff))
		return;
	for (unsigned i = 0; i < eh.e_shnum; i++)
		if (sections[i].sh_type == SHT_SYMTAB ||
		    (sections[i].sh_type == SHT_DYNSYM && !table))
			table = &sections[i];
	if (!table || table->sh_entsize != sizeof(Elf64_Sym) || table->sh_link >= eh.e_shnum)
		return;
	names = &sections[table->sh_link];
	s->table = gs_symbol_section(fd, table);
	s->names = s->table ? gs_symbol_section(fd, names) : NULL;
	s->table_size = table->sh_size;
	s->names_size = names->sh_size;
	if (!s->names && s->table) {
		gs_mem_unmap(s->table, s->table_size + 1);
		s->table = NULL;
	}
}

static const struct gs_symbols *gs_symbol_of(struct gs_objects *os, struct gs_object *o)
{
	size_t room = GS_SYMBOL_SECTIONS * sizeof(Elf64_Shdr);
	Elf64_Shdr *sections;
	long fd;

	if (o->symbols)
		return o->symbols;
	o->symbols = gs_mem_map(GS_PAGE);
	sections = gs_mem_map(room);
	fd = gs_objects_file(os, o);
	if (o->symbols && sections && fd >= 0)
		gs_symbol_load(o->symbols, fd, sections);
	if (fd >= 0)
		gs_sys1(__NR_close, fd);
	if (sections)
		gs_mem_unmap(sections, room);
	return o->symbols;
}

static size_t gs_symbol_count(const struct gs_symbols *s)
{
	return s && s->table ? s->table_size / sizeof(*s->table) : 0;
}

static const char *gs_symbol_name(const struct gs_symbols *s, const Elf64_Sym *sym)
{
	return sym->st_name < s->names_size ? s->names + sym->st_name : "";
}

/* Of two names for one address, the one a person would write: without
   underscores in front, else the exported one. */
static bool gs_symbol_better(const struct gs_symbols *s, const Elf64_Sym *a, const Elf64_Sym *b)
{
	bool hidden_a = gs_symbol_name(s, a)[0] == '_', hidden_b = gs_symbol_name(s, b)[0] == '_';

	if (a->st_value != b->st_value)
		return a->st_value > b->st_value;
	if (hidden_a != hidden_b)
		return hidden_b;
	return ELF64_ST_BIND(a->st_info) != STB_LOCAL && ELF64_ST_BIND(b->st_info) == STB_LOCAL;
}

bool gs_symbol_find(struct gs_objects *os, struct gs_object *o, uint64_t addr, const char **name,
		    uint64_t *offset)
{
	const struct gs_symbols *s = gs_symbol_of(os, o);
	const Elf64_Sym *best = NULL;
	uint64_t at = addr - o->bias;

	for (size_t i = 0, n = gs_symbol_count(s); i < n; i++) {
		const Elf64_Sym *sym = &s->table[i];
		unsigned type = ELF64_ST_TYPE(sym->st_info);

		if ((type != STT_FUNC && type != STT_GNU_IFUNC) || sym->st_shndx == SHN_UNDEF ||
		    at < sym->st_value || at - sym->st_value >= sym->st_size)
			continue;
		if (!best || gs_symbol_better(s, sym, best))
			best = sym;
	}
	if (!best)
		return false;
	*name = gs_symbol_name(s, best);
	*offset = at - best->st_value;
	return **name != '\0';
}

uint64_t gs_symbol_address(struct gs_objects *os, struct gs_object *o, const char *name)
{
	const struct gs_symbols *s = gs_symbol_of(os, o);
	size_t len = (size_t)((const char *)memchr(name, '\0', GS_SYMBOL_MAX_NAME) - name);

	for (size_t i = 0, n = gs_symbol_count(s); i < n; i++) {
		const Elf64_Sym *sym = &s->table[i];

		if (sym->st_shndx != SHN_UNDEF && sym->st_name < s->names_size &&
		    s->names_size - sym->st_name > len &&
		    memcmp(s->names + sym->st_name, name, len + 1) == 0)
			return o->bias + sym->st_value;
	}
	return 0;
}

void gs_symbol_close(struct gs_object *o)
{
	struct gs_symbols *s = o->symbols;

	if (!s)
		return;
	if (s->table) {
		gs_mem_unmap(s->table, s->table_size + 1);
		gs_mem_unmap(s->names, s->names_size + 1);
	}
	gs_mem_unmap(s, GS_PAGE);
	o->symbols = NULL;
}
