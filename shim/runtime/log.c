/* SPDX-License-Identifier: MIT */
/*
 * log.c - lines for a person on standard error, with a formatter of our own.
 *
 * Invariants: a line is one write of at most PIPE_BUF bytes, so lines of several
 * threads do not mix. A reader who does not read costs a second at most, and a
 * reader who is gone costs nothing: neither SIGPIPE nor a full pipe may change
 * what the program does.
 * Locks: none.
 * Called from: any context, signal handlers included; errno is never touched.
 */
#include "log.h"

#include "conf.h"
#include "sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

enum {
	GS_LOG_FD = 2,
	GS_LOG_LINE = 512,      /* bytes of one line; green stacks are small */
	GS_LOG_CHUNK = 4096,    /* PIPE_BUF: what a pipe that polls writable takes at once */
	GS_LOG_PATIENCE = 1000, /* milliseconds */
	GS_LOG_TRIES = 16,      /* writes in a row that got nothing done */
};

static void gs_log_put(struct gs_text *t, char c)
{
	if (t->len + 1 < t->size)
		t->buf[t->len++] = c;
}

/* No text of ours is longer than a chunk. */
static size_t gs_log_length(const char *s)
{
	const char *end = memchr(s, '\0', GS_LOG_CHUNK);

	return end ? (size_t)(end - s) : (size_t)GS_LOG_CHUNK;
}

/* One converted field: sign or prefix, then digits or text, padded to width. */
struct gs_log_field {
	const char *sign;
	size_t sign_len;
	const char *body;
	size_t len;
	size_t width;
	bool left, zero;
};

static void gs_log_put_field(struct gs_text *t, const struct gs_log_field *f)
{
	size_t len = f->sign_len + f->len;
	size_t pad = f->width > len ? f->width - len : 0;

	if (!f->left && !f->zero)
		for (size_t i = 0; i < pad; i++)
			gs_log_put(t, ' ');
	for (size_t i = 0; i < f->sign_len; i++)
		gs_log_put(t, f->sign[i]);
	if (!f->left && f->zero)
		for (size_t i = 0; i < pad; i++)
			gs_log_put(t, '0');
	for (size_t i = 0; i < f->len; i++)
		gs_log_put(t, f->body[i]);
	if (f->left)
		for (size_t i = 0; i < pad; i++)
			gs_log_put(t, ' ');
}

/* Digits of n, written backwards from end; returns the first. */
static char *gs_log_digits(char *end, unsigned long long n, unsigned base)
{
	do
		*--end = "0123456789abcdef"[n % base];
	while ((n /= base) != 0);
	return end;
}

static unsigned long long gs_log_unsigned(va_list *ap, int longs)
{
	if (longs >= 2)
		return va_arg(*ap, unsigned long long);
	return longs ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned int);
}

static long long gs_log_signed(va_list *ap, int longs)
{
	if (longs >= 2)
		return va_arg(*ap, long long);
	return longs ? va_arg(*ap, long) : va_arg(*ap, int);
}

/* Converts one argument into f, using the scratch that ends at end; false when
   the conversion is not one of ours. */
static bool gs_log_convert(struct gs_log_field *f, char conv, int longs, va_list *ap, char *end)
{
	unsigned long long n;
	long long i;

	switch (conv) {
	case 's':
		f->body = va_arg(*ap, const char *);
		if (!f->body)
			f->body = "(null)";
		f->len = gs_log_length(f->body);
		f->zero = false;
		return true;
	case 'c':
		end[-1] = (char)va_arg(*ap, int);
		f->body = end - 1;
		f->len = 1;
		f->zero = false;
		return true;
	case 'd':
	case 'i':
		i = gs_log_signed(ap, longs);
		n = i < 0 ? 0 - (unsigned long long)i : (unsigned long long)i;
		f->sign = "-";
		f->sign_len = i < 0;
		f->body = gs_log_digits(end, n, 10);
		break;
	case 'u':
		f->body = gs_log_digits(end, gs_log_unsigned(ap, longs), 10);
		break;
	case 'x':
		f->body = gs_log_digits(end, gs_log_unsigned(ap, longs), 16);
		break;
	case 'p':
		f->sign = "0x";
		f->sign_len = 2;
		f->body = gs_log_digits(end, (uintptr_t)va_arg(*ap, void *), 16);
		break;
	default:
		return false;
	}
	f->len = (size_t)(end - f->body);
	return true;
}

void gs_log_vformat(struct gs_text *t, const char *fmt, va_list args)
{
	char scratch[24];
	va_list ap;

	if (t->size == 0)
		return;
	va_copy(ap, args);
	while (*fmt) {
		struct gs_log_field f = { .sign = "", .body = "" };
		const char *from = fmt;
		int longs = 0;

		if (*fmt != '%') {
			gs_log_put(t, *fmt++);
			continue;
		}
		for (fmt++; *fmt == '-' || *fmt == '0'; fmt++) {
			if (*fmt == '-')
				f.left = true;
			else
				f.zero = true;
		}
		for (; *fmt >= '0' && *fmt <= '9' && f.width < GS_LOG_CHUNK; fmt++)
			f.width = f.width * 10 + (size_t)(*fmt - '0');
		for (; *fmt == 'l' || *fmt == 'z'; fmt++)
			longs++;
		if (*fmt == '%') {
			gs_log_put(t, '%');
			fmt++;
		} else if (*fmt && gs_log_convert(&f, *fmt, longs, &ap, scratch + sizeof(scratch))) {
			gs_log_put_field(t, &f);
			fmt++;
		} else {
			/* Not ours: as it stands, and go on behind the '%'. */
			gs_log_put(t, '%');
			fmt = from + 1;
		}
	}
	va_end(ap);
	t->buf[t->len] = '\0';
}

void gs_log_format(struct gs_text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	gs_log_vformat(t, fmt, ap);
	va_end(ap);
}

/* Writes until done, the reader is gone, or patience is at its end. */
static void gs_log_write(const char *buf, size_t len)
{
	for (int tries = 0; len > 0 && tries < GS_LOG_TRIES; tries++) {
		struct pollfd p = { .fd = GS_LOG_FD, .events = POLLOUT };
		struct timespec patience = { .tv_sec = GS_LOG_PATIENCE / 1000 };
		long n;

		/* Asked before, so that the write that follows cannot block. */
		if (gs_sys5(__NR_ppoll, &p, 1, &patience, NULL, 8) <= 0)
			return;
		n = gs_sys3(__NR_write, GS_LOG_FD, buf, GS_MIN(len, (size_t)GS_LOG_CHUNK));
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0)
			return;
		buf += n;
		len -= (size_t)n;
		tries = 0;
	}
}

void gs_log_raw(const char *buf, size_t len)
{
	uint64_t all = ~0ULL, pipe = 1ULL << (SIGPIPE - 1), old = 0, pending = 0;

	/* Every signal is held back, not SIGPIPE alone: a preemption in here could
	   resume us on another kernel thread, whose mask this one is not. */
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &old, 8);
	gs_sys2(__NR_rt_sigpending, &pending, 8);
	gs_log_write(buf, len);
	if (!(pending & pipe)) {
		struct timespec now = { 0 };

		/* Takes back a SIGPIPE that our own write has raised. */
		gs_sys4(__NR_rt_sigtimedwait, &pipe, NULL, &now, 8);
	}
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &old, NULL, 8);
}

static void gs_log_vline(const char *fmt, va_list ap)
{
	char buf[GS_LOG_LINE];
	/* One byte is kept for the newline of a line that was cut. */
	struct gs_text t = { .buf = buf, .size = sizeof(buf) - 1 };

	gs_log_format(&t, "goshim[%d]: ", gs_sys_getpid());
	gs_log_vformat(&t, fmt, ap);
	buf[t.len++] = '\n';
	gs_log_raw(buf, t.len);
}

void gs_log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	gs_log_vline(fmt, ap);
	va_end(ap);
}

void gs_log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!gs_conf.verbose)
		return;
	va_start(ap, fmt);
	gs_log_vline(fmt, ap);
	va_end(ap);
}

/* The kernel's struct sigaction, for SIG_DFL. */
struct gs_log_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

void gs_log_bug(const char *file, int line, const char *what)
{
	struct gs_log_sigaction dfl = { 0 };
	uint64_t abrt = 1ULL << (SIGABRT - 1);

	gs_log_line("bug at %s:%d: %s", file, line, what);
	/* A handler of the program is not run: the runtime's state is not to be trusted. */
	gs_sys4(__NR_rt_sigaction, SIGABRT, &dfl, NULL, 8);
	gs_sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &abrt, NULL, 8);
	gs_sys3(__NR_tgkill, gs_sys_getpid(), gs_sys_gettid(), SIGABRT);
	for (;;)
		gs_sys1(__NR_exit_group, 127);
}
