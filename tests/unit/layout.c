/* SPDX-License-Identifier: MIT */
/*
 * layout.c - the descriptor that goshim_layout exports says what the library's
 * own code says: names of states and reasons, and how the registry is walked.
 */
#include "runtime/host.h"
#include "runtime/layout.h"
#include "runtime/stack.h"
#include "runtime/thread.h"

#include <stdio.h>
#include <string.h>

struct gs_host gs_host;

static int failures;

static void expect(int ok, const char *what)
{
	if (!ok) {
		printf("not so: %s\n", what);
		failures++;
	}
}

static uint64_t value(const char *name)
{
	for (int i = 0; i < GS_LAYOUT_ENTRIES; i++)
		if (strcmp(goshim_layout.entries[i].name, name) == 0)
			return goshim_layout.entries[i].value;
	printf("there is no %s\n", name);
	failures++;
	return 0;
}

static void compare_words(const char *table, const char *count, unsigned n,
			  const char *(*name)(unsigned))
{
	const char *const *words = (const char *const *)value(table);

	expect(value(count) == n, count);
	for (unsigned i = 0; i < n; i++)
		if (!words[i] || strcmp(words[i], name(i)) != 0) {
			printf("%s, %u: \"%s\" is called \"%s\"\n", table, i, name(i), words[i]);
			failures++;
		}
}

enum { THREADS = 3000 };

struct walk {
	struct gs_thread *seen[2 * THREADS];
	int n;
};

static bool by_library(struct gs_thread *t, void *arg)
{
	struct walk *w = arg;

	if (t->kind == GS_KIND_GREEN)
		w->seen[w->n++] = t;
	return true;
}

static void by_table(struct walk *w)
{
	char *chunk = *(char **)value("thread_chunks");

	for (; chunk; chunk = *(char **)(chunk + value("chunk.next")))
		for (uint64_t i = 0; i < *(uint64_t *)(chunk + value("chunk.n")); i++) {
			char *t = ((char **)(chunk + value("chunk.threads")))[i];

			if (*(uint8_t *)(t + value("thread.kind")) == value("kind.green"))
				w->seen[w->n++] = (struct gs_thread *)t;
		}
}

int main(void)
{
	static struct walk library, table;

	expect(goshim_layout.magic == GS_LAYOUT_MAGIC, "the magic number");
	expect(memcmp(&goshim_layout, "OGSHIM1", 8) == 0, "the magic word");
	expect(goshim_layout.entries[GS_LAYOUT_ENTRIES - 1].name[0] == '\0', "an empty last entry");
	compare_words("states", "states.count", GS_STATE_COUNT, gs_state_name);
	compare_words("reasons", "reasons.count", GS_REASON_COUNT, gs_reason_name);
	for (int i = 0; i < THREADS; i++) {
		struct gs_stack stack;
		struct gs_thread *t = NULL;

		if (i % 2)
			t = gs_thread_new(NULL);
		else if (gs_stack_get(&stack, 65536, 4096) == 0)
			t = gs_thread_new(gs_stack_room(&stack));
		/* A stack's record is the same when it is used again. */
		if (t && i % 4 == 0) {
			gs_stack_put(&stack);
			expect(gs_stack_get(&stack, 65536, 4096) == 0 &&
				       gs_thread_new(gs_stack_room(&stack)) == t,
			       "the record stays with the stack");
		}
		if (t)
			t->kind = GS_KIND_GREEN;
	}
	gs_thread_each(by_library, &library);
	by_table(&table);
	expect(library.n == THREADS, "every thread is seen");
	expect(table.n == library.n &&
		       memcmp(table.seen, library.seen, sizeof(table.seen)) == 0,
	       "the table leads to the same threads");
	if (failures == 0)
		puts("ok");
	return failures != 0;
}
