/* SPDX-License-Identifier: MIT */
/*
 * objects.c - the list of mapped objects, from /proc/PID/maps and the ELF headers
 * in the process's memory. The dynamic linker's own list would need its lock,
 * which a thread that is being looked at may hold.
 *
 * Invariants: an object starts with a mapping of offset 0 that holds an ELF
 * header; later mappings of the same file extend it.
 * Locks: none.
 * Called from: view.c, unwind.c, symbol.c, dump.c; the goshim command.
 */
#include "objects.h"

#include "log.h"
#include "mem.h"
#include "sys.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
	GS_OBJECTS_MAX = 2048,
	GS_OBJECTS_NAMES = 256 * 1024,
	GS_OBJECTS_BUF = 16 * 1024, /* of maps, at a time; a line is at most a page and a bit */
	GS_OBJECTS_PATH = 4096,
	GS_OBJECTS_SEGMENTS = 64,
};

/* One line of maps. */
struct gs_objects_line {
	uint64_t start, end, offset;
	bool readable;
	const char *path; /* "" for anonymous memory */
	size_t path_len;
};

static uint64_t gs_objects_hex(const char **at)
{
	uint64_t n = 0;

	for (;; ++*at) {
		unsigned c = (unsigned char)**at, digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else
			return n;
		n = n * 16 + digit;
	}
}

static const char *gs_objects_skip(const char *at, char c)
{
	while (*at == c)
		at++;
	return at;
}

static const char *gs_objects_word(const char *at)
{
	while (*at && *at != ' ')
		at++;
	return gs_objects_skip(at, ' ');
}

/* "start-end perms offset dev inode   path", NUL-terminated. */
static void gs_objects_parse(const char *at, const char *end, struct gs_objects_line *line)
{
	line->start = gs_objects_hex(&at);
	at++;
	line->end = gs_objects_hex(&at);
	at = gs_objects_skip(at, ' ');
	line->readable = *at == 'r';
	at = gs_objects_word(at);
	line->offset = gs_objects_hex(&at);
	at = gs_objects_skip(at, ' ');
	at = gs_objects_word(at); /* the device */
	line->path = gs_objects_word(at); /* behind the inode */
	line->path_len = (size_t)(end - line->path);
}

/* Fills in what the ELF header at o->start says; false when there is none. */
static bool gs_objects_elf(struct gs_objects *os, struct gs_object *o)
{
	Elf64_Phdr segments[GS_OBJECTS_SEGMENTS];
	Elf64_Ehdr eh;
	bool biased = false;
	unsigned n;

	if (gs_peek_read(&os->peek, o->start, &eh, sizeof(eh)) != 0 ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_phentsize != sizeof(Elf64_Phdr))
		return false;
	n = GS_MIN(eh.e_phnum, (unsigned)GS_OBJECTS_SEGMENTS);
	if (gs_peek_read(&os->peek, o->start + eh.e_phoff, segments, n * sizeof(segments[0])) != 0)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (segments[i].p_type != PT_LOAD || biased)
			continue;
		biased = true;
		if (eh.e_type == ET_DYN)
			o->bias = o->start - GS_ALIGN_DOWN(segments[i].p_vaddr, GS_PAGE);
	}
	for (unsigned i = 0; i < n; i++)
		if (segments[i].p_type == PT_GNU_EH_FRAME)
			o->unwind = o->bias + segments[i].p_vaddr;
	return biased;
}

static void gs_objects_take(struct gs_objects *os, const struct gs_objects_line *line)
{
	struct gs_object *last = os->n ? &os->list[os->n - 1] : NULL;
	struct gs_object *o = &os->list[os->n];

	if (line->path_len == 0 || line->path_len >= GS_OBJECTS_PATH)
		return;
	if (last && line->offset != 0 && last->path_len == line->path_len &&
	    memcmp(last->path, line->path, line->path_len) == 0) {
		last->end = line->end;
		return;
	}
	if (line->offset != 0 || !line->readable || os->n == GS_OBJECTS_MAX ||
	    os->names_len + line->path_len + 1 > GS_OBJECTS_NAMES)
		return;
	*o = (struct gs_object){
		.start = line->start,
		.end = line->end,
		.first_end = line->end,
		.path_len = line->path_len,
	};
	if (!gs_objects_elf(os, o))
		return;
	o->path = memcpy(os->names + os->names_len, line->path, line->path_len);
	os->names_len += line->path_len + 1;
	os->n++;
}

/* Takes the whole lines of buf[0..len); returns how many bytes those were. */
static size_t gs_objects_lines(struct gs_objects *os, char *buf, size_t len)
{
	size_t done = 0;
	char *end;

	while ((end = memchr(buf + done, '\n', len - done)) != NULL) {
		struct gs_objects_line line;

		*end = '\0';
		gs_objects_parse(buf + done, end, &line);
		gs_objects_take(os, &line);
		done = (size_t)(end - buf) + 1;
	}
	return done;
}

static int gs_objects_read(struct gs_objects *os, char *buf)
{
	char path[64];
	struct gs_text text = { .buf = path, .size = sizeof(path) };
	size_t len = 0;
	long fd, n;

	gs_log_format(&text, "/proc/%d/maps", os->peek.pid);
	fd = gs_sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	while ((n = gs_sys3(__NR_read, fd, buf + len, GS_OBJECTS_BUF - len)) > 0) {
		size_t done;

		len += (size_t)n;
		done = gs_objects_lines(os, buf, len);
		len -= done;
		memmove(buf, buf + done, len);
		if (len == GS_OBJECTS_BUF)
			break;
	}
	gs_sys1(__NR_close, fd);
	return n < 0 ? (int)n : 0;
}

int gs_objects_open(struct gs_objects *os, int pid)
{
	char *buf = gs_mem_map(GS_OBJECTS_BUF);
	int err;

	memset(os, 0, sizeof(*os));
	err = gs_peek_open(&os->peek, pid);
	os->list = gs_mem_map(GS_OBJECTS_MAX * sizeof(*os->list));
	os->names = gs_mem_map(GS_OBJECTS_NAMES);
	if (!buf || !os->list || !os->names)
		err = -ENOMEM;
	if (err == 0)
		err = gs_objects_read(os, buf);
	if (buf)
		gs_mem_unmap(buf, GS_OBJECTS_BUF);
	if (err != 0)
		gs_objects_close(os);
	return err;
}

void gs_objects_close(struct gs_objects *os)
{
	if (os->peek.pages)
		gs_peek_close(&os->peek);
	if (os->list)
		gs_mem_unmap(os->list, GS_OBJECTS_MAX * sizeof(*os->list));
	if (os->names)
		gs_mem_unmap(os->names, GS_OBJECTS_NAMES);
	os->list = NULL;
	os->names = NULL;
	os->n = 0;
}

struct gs_object *gs_objects_find(const struct gs_objects *os, uint64_t addr)
{
	unsigned low = 0, high = os->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (addr < os->list[mid].start)
			high = mid;
		else if (addr >= os->list[mid].end)
			low = mid + 1;
		else
			return &os->list[mid];
	}
	return NULL;
}

bool gs_objects_sigreturn(const struct gs_objects *os, uint64_t pc)
{
	/* mov $__NR_rt_sigreturn, %rax; syscall: what every restorer does, and what the
	   kernel's own documentation tells debuggers to look for. */
	static const uint8_t restorer[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	uint8_t code[sizeof(restorer)];

	return gs_peek_read_constant(&os->peek, pc, code, sizeof(code)) == 0 &&
	       memcmp(code, restorer, sizeof(code)) == 0;
}

const char *gs_objects_name(const struct gs_object *o)
{
	const char *slash = memrchr(o->path, '/', o->path_len);

	return slash ? slash + 1 : o->path;
}

int gs_objects_file(const struct gs_objects *os, const struct gs_object *o)
{
	char path[GS_OBJECTS_PATH + 64];
	struct gs_text text = { .buf = path, .size = sizeof(path) };
	long fd;

	if (o->path[0] != '/')
		return -ENOENT;
	/* By name, as the process sees it; if the name is gone, the kernel's own link to
	   the mapped file, which takes privileges. */
	gs_log_format(&text, "/proc/%d/root%s", os->peek.pid, o->path);
	fd = gs_sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0) {
		text.len = 0;
		gs_log_format(&text, "/proc/%d/map_files/%llx-%llx", os->peek.pid,
			      (unsigned long long)o->start, (unsigned long long)o->first_end);
		fd = gs_sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	}
	return (int)fd;
}
