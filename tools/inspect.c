/* SPDX-License-Identifier: MIT */
/*
 * inspect.c - finds goshim_layout in a process and reads by it.
 *
 * What is read changes while it is read: everything is a copy, bounded, and
 * taken as no more than a picture.
 *
 * Called from: dump.c, sample.c and those who use it.
 */
#include "inspect.h"

#include "runtime/arch.h"
#include "runtime/symbol.h"
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

enum {
	GS_INSPECT_MAX_RECORDS = 1 << 16, /* of one chunk */
	GS_INSPECT_MAX_RECORD = 1 << 12,
	GS_INSPECT_MAX_CHUNKS = 1 << 20,
	GS_INSPECT_MAX_WORDS = 256,
	GS_INSPECT_KNOWN = 512,
	GS_INSPECT_GATHER = 256, /* IOV_MAX is more */
};

struct gs_inspect_known {
	const char *name;
	uint64_t value;
};

uint64_t gs_inspect_value(const struct gs_inspect *in, const char *name)
{
	struct gs_inspect_known *k = &in->known[(uintptr_t)name % GS_INSPECT_KNOWN];

	if (k->name == name)
		return k->value;
	for (unsigned i = 0; i < in->entries; i++) {
		if (strcmp(in->layout.entries[i].name, name) == 0) {
			*k = (struct gs_inspect_known){ name, in->layout.entries[i].value };
			return k->value;
		}
	}
	gs_tool_warn(0, "process %d: its libgoshim.so, of another version, says nothing of `%s'",
		     in->pid, name);
	exit(GS_EXIT_FAILURE);
}

uint64_t gs_inspect_number(const struct gs_inspect *in, uint64_t addr, size_t bytes)
{
	uint64_t n = 0;

	return gs_peek_read(&in->view.os.peek, addr, &n, bytes) == 0 ? n : 0;
}

uint64_t gs_inspect_at(const struct gs_inspect *in, const char *name, size_t bytes)
{
	return gs_inspect_number(in, gs_inspect_value(in, name), bytes);
}

uint64_t gs_inspect_field(const struct gs_inspect *in, const char *record, const char *name,
			  size_t bytes)
{
	uint64_t at = gs_inspect_value(in, name), n = 0;

	if (at + bytes <= gs_inspect_value(in, "thread.size"))
		memcpy(&n, record + at, bytes);
	return n;
}

const char *gs_inspect_word(char (*words)[32], unsigned n, uint64_t i)
{
	return i < n ? words[i] : "?";
}

bool gs_inspect_alive(const struct gs_inspect *in)
{
	return kill(in->pid, 0) == 0 || errno == EPERM;
}

void gs_inspect_moments(const struct gs_inspect *in, struct gs_view_moment *first,
			struct gs_view_moment *now)
{
	uint64_t at = gs_inspect_value(in, "clock") + gs_inspect_value(in, "clock.first");
	struct timespec ts;

	first->cycles = gs_inspect_number(in, at + gs_inspect_value(in, "moment.cycles"), 8);
	first->ns = gs_inspect_number(in, at + gs_inspect_value(in, "moment.ns"), 8);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now->ns = (uint64_t)ts.tv_sec * GS_NSEC + (uint64_t)ts.tv_nsec;
	now->cycles = gs_arch_cycles();
}

void gs_inspect_command(const struct gs_inspect *in, char *buf, size_t size)
{
	char path[64];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", in->pid);
	f = fopen(path, "re");
	if (f) {
		n = fread(buf, 1, size - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (!buf[0])
		snprintf(buf, size, "?");
}

void gs_inspect_inactive(const struct gs_inspect *in)
{
	printf("goshim[%d]: the library is not turned on: no thread was made yet, or it stepped "
	       "aside\n", in->pid);
}

static void *gs_inspect_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p) {
		gs_tool_warn(ENOMEM, "cannot hold a copy");
		exit(GS_EXIT_FAILURE);
	}
	return p;
}

/* An array of pointers to words. */
static unsigned gs_inspect_words(const struct gs_inspect *in, const char *table, const char *count,
				 char (**words)[32])
{
	uint64_t at = gs_inspect_value(in, table), n = gs_inspect_value(in, count);

	n = n < GS_INSPECT_MAX_WORDS ? n : GS_INSPECT_MAX_WORDS;
	*words = gs_inspect_alloc(n, sizeof(**words));
	for (uint64_t i = 0; i < n; i++) {
		uint64_t word = gs_inspect_number(in, at + i * sizeof(word), sizeof(word));

		gs_peek_read_constant(&in->view.os.peek, word, (*words)[i], sizeof(**words) - 1);
	}
	return (unsigned)n;
}

/* The library's descriptor; 0 when no object of the process has one. A library of
   another name is looked for only when there is none of that name: it takes reading
   everybody's symbols. */
static uint64_t gs_inspect_find(struct gs_inspect *in)
{
	static const char name[] = "libgoshim";

	for (int renamed = 0; renamed <= 1; renamed++) {
		for (unsigned i = 0; i < in->view.os.n; i++) {
			struct gs_object *o = &in->view.os.list[i];
			uint64_t at;

			if (!renamed && strncmp(gs_objects_name(o), name, strlen(name)) != 0)
				continue;
			at = gs_symbol_address(&in->view.os, o, GS_LAYOUT_SYMBOL);
			if (at)
				return at;
			if (!renamed) {
				gs_tool_warn(0, "process %d: cannot read the symbols of %s", in->pid,
					     o->path);
				return 0;
			}
		}
	}
	gs_tool_warn(0, "process %d does not have libgoshim.so loaded", in->pid);
	return 0;
}

static bool gs_inspect_layout(struct gs_inspect *in, uint64_t at)
{
	struct goshim_layout *l = &in->layout;
	struct goshim_layout_entry entry;
	size_t head = offsetof(struct goshim_layout, entries);

	if (gs_peek_read(&in->view.os.peek, at, l, head) != 0 || l->magic != GS_LAYOUT_MAGIC ||
	    l->version != GS_LAYOUT_VERSION || l->entry_size != sizeof(entry)) {
		gs_tool_warn(0, "process %d: its libgoshim.so is of a version this command "
				"does not know", in->pid);
		return false;
	}
	for (uint64_t i = l->entries_at; i + sizeof(entry) <= l->size; i += sizeof(entry)) {
		if (in->entries == GS_LAYOUT_ENTRIES ||
		    gs_peek_read(&in->view.os.peek, at + i, &entry, sizeof(entry)) != 0 ||
		    !entry.name[0])
			break;
		entry.name[GS_LAYOUT_NAME - 1] = '\0';
		l->entries[in->entries++] = entry;
	}
	return true;
}

static bool gs_inspect_pid(struct gs_inspect *in, const char *word)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(word, &end, 10);
	if (errno || *end || end == word || pid <= 0 || pid > INT32_MAX) {
		gs_tool_warn(0, "`%s' is not a process number", word);
		return false;
	}
	in->pid = (int)pid;
	return true;
}

bool gs_inspect_open(struct gs_inspect *in, const char *pid)
{
	uint64_t at;
	int err;

	memset(in, 0, sizeof(*in));
	if (!gs_inspect_pid(in, pid))
		return false;
	err = gs_view_open(&in->view, in->pid);
	if (err != 0) {
		gs_tool_warn(err == -ENOENT ? ESRCH : -err, "process %d", in->pid);
		return false;
	}
	if (in->view.os.n == 0) {
		/* Its list of mappings is there, its memory is not for us, or it has none. */
		gs_tool_warn(0, "process %d: no permission to read its memory, or it has none",
			     in->pid);
		goto close;
	}
	at = gs_inspect_find(in);
	in->known = gs_inspect_alloc(GS_INSPECT_KNOWN, sizeof(*in->known));
	if (!at || !gs_inspect_layout(in, at))
		goto close;
	in->n_states = gs_inspect_words(in, "states", "states.count", &in->states);
	in->n_reasons = gs_inspect_words(in, "reasons", "reasons.count", &in->reasons);
	in->n_stats = gs_inspect_words(in, "stats", "stats.count", &in->stats);
	in->objects = gs_inspect_alloc(in->n_reasons, 1);
	gs_peek_read(&in->view.os.peek, gs_inspect_value(in, "objects"), in->objects,
		     in->n_reasons);
	in->active = gs_inspect_at(in, "procs", 8) != 0;
	return true;
close:
	free(in->known);
	gs_view_close(&in->view);
	return false;
}

void gs_inspect_close(struct gs_inspect *in)
{
	free(in->records);
	free(in->known);
	free(in->states);
	free(in->reasons);
	free(in->stats);
	free(in->objects);
	gs_view_close(&in->view);
}

/* Room for the addresses of n records of size bytes, and these after them. */
static bool gs_inspect_room(struct gs_inspect *in, uint64_t n, uint64_t size)
{
	size_t all;

	if (n > GS_INSPECT_MAX_RECORDS || size > GS_INSPECT_MAX_RECORD)
		return false;
	all = n * (sizeof(uint64_t) + size);
	if (all > in->records_size) {
		free(in->records);
		in->records = gs_inspect_alloc(all, 1);
		in->records_size = all;
	}
	return true;
}

/* Copies n objects of size bytes one after the other into buf. */
static bool gs_inspect_gather(const struct gs_peek *peek, const uint64_t *addrs, size_t size,
			      char *buf, size_t n)
{
	struct iovec from[GS_INSPECT_GATHER], to;
	size_t some;

	for (; n > 0; n -= some, addrs += some, buf += some * size) {
		some = GS_MIN(n, (size_t)GS_INSPECT_GATHER);
		for (size_t i = 0; i < some; i++)
			from[i] = (struct iovec){ (void *)addrs[i], size };
		to = (struct iovec){ buf, some * size };
		if (process_vm_readv(peek->pid, &to, 1, from, some, 0) == (ssize_t)(some * size))
			continue;
		for (size_t i = 0; i < some; i++)
			if (gs_peek_read(peek, addrs[i], buf + i * size, size) != 0)
				return false;
	}
	return true;
}

bool gs_inspect_each(struct gs_inspect *in, gs_inspect_fn *fn, void *arg)
{
	const struct gs_peek *peek = &in->view.os.peek;
	uint64_t size = gs_inspect_value(in, "thread.size");
	uint64_t first = gs_inspect_value(in, "chunk.threads");
	uint64_t next = gs_inspect_value(in, "chunk.next"), count = gs_inspect_value(in, "chunk.n");
	uint64_t green = gs_inspect_value(in, "kind.green");
	uint64_t chunk = gs_inspect_at(in, "thread_chunks", 8);

	for (unsigned chunks = 0; chunk && chunks < GS_INSPECT_MAX_CHUNKS; chunks++) {
		uint64_t n = gs_inspect_number(in, chunk + count, 8);
		const uint64_t *addrs;
		const char *record;

		if (!gs_inspect_room(in, n, size))
			return false;
		addrs = (const uint64_t *)in->records;
		record = in->records + n * sizeof(*addrs);
		if (gs_peek_read(peek, chunk + first, in->records, n * sizeof(*addrs)) != 0 ||
		    !gs_inspect_gather(peek, addrs, size, in->records + n * sizeof(*addrs), n))
			return false;
		for (uint64_t i = 0; i < n; i++, record += size)
			if (gs_inspect_field(in, record, "thread.kind", 1) == green)
				fn(in, record, addrs[i], arg);
		chunk = gs_inspect_number(in, chunk + next, 8);
	}
	return true;
}
