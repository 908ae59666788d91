/* SPDX-License-Identifier: MIT */
/*
 * remote.c - libunwind's view of another process: memory by process_vm_readv, the
 * unwind tables of the objects mapped there, and the registers of one frame.
 *
 * The tables are read where the process has them mapped, not from the files: a
 * library that was replaced on disk, or that lies in another mount namespace, is
 * unwound like any other. libunwind-ptrace would open the files, and would want
 * every thread to be stopped.
 *
 * Called from: dump.c.
 */
#include "remote.h"

#include "tool.h"

#include <errno.h>
#include <libunwind.h>
#include <string.h>

/* UNW_X86_64_* are DWARF's numbers, as those of unwind.h. */
_Static_assert((int)UNW_X86_64_RIP == (int)GS_UNWIND_PC &&
		       (int)UNW_X86_64_RSP == (int)GS_UNWIND_RSP &&
		       (int)UNW_X86_64_RBX == (int)GS_UNWIND_RBX &&
		       (int)UNW_X86_64_R15 == (int)GS_UNWIND_R15,
	       "one numbering of registers");

/* Exported for those who bring their own accessors (perf is one), but in no header. */
#define gs_remote_search UNW_OBJ(dwarf_search_unwind_table)
int gs_remote_search(unw_addr_space_t as, unw_word_t ip, unw_dyn_info_t *di, unw_proc_info_t *pi,
		     int need_unwind_info, void *arg);

enum {
	GS_REMOTE_HDR_TABLE = 12, /* bytes of .eh_frame_hdr before its search table */
	GS_REMOTE_PCREL_SDATA4 = 0x1b,
	GS_REMOTE_UDATA4 = 0x03,
	GS_REMOTE_DATAREL_SDATA4 = 0x3b,
};

/* .eh_frame_hdr, as every linker writes it. */
struct gs_remote_hdr {
	uint8_t version, frame_encoding, count_encoding, table_encoding;
	uint32_t frame, count;
};
_Static_assert(sizeof(struct gs_remote_hdr) == GS_REMOTE_HDR_TABLE, "as it lies in the file");

struct gs_remote_walk {
	struct gs_view_walk walk;
	struct gs_view *view;
	const struct gs_unwind_frame *start;
	unw_cursor_t cursor;
	bool missing; /* a register was asked for that nobody has told */
};

/* What the tables of the object at ip say. */
static int gs_remote_find(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *pi, int need,
			  void *arg)
{
	struct gs_remote_walk *w = arg;
	struct gs_objects *os = &w->view->os;
	struct gs_object *o = gs_objects_find(os, ip);
	struct gs_remote_hdr hdr;
	unw_dyn_info_t di = { 0 };

	/* What a handler returns to is known by its code; and for the place before it,
	   where libunwind looks, the tables would describe another function. */
	if (!o || !o->unwind || gs_objects_sigreturn(os, ip) ||
	    gs_objects_sigreturn(os, ip + 1))
		return -UNW_ENOINFO;
	if (gs_peek_read_constant(&os->peek, o->unwind, &hdr, sizeof(hdr)) != 0 ||
	    hdr.version != 1 || hdr.frame_encoding != GS_REMOTE_PCREL_SDATA4 ||
	    hdr.count_encoding != GS_REMOTE_UDATA4 ||
	    hdr.table_encoding != GS_REMOTE_DATAREL_SDATA4)
		return -UNW_ENOINFO;
	di.format = UNW_INFO_FORMAT_REMOTE_TABLE;
	di.start_ip = o->start;
	di.end_ip = o->end;
	di.u.rti.segbase = o->unwind;
	di.u.rti.table_data = o->unwind + GS_REMOTE_HDR_TABLE;
	/* In words; an entry is two numbers of half a word. */
	di.u.rti.table_len = hdr.count;
	return gs_remote_search(as, ip, &di, pi, need, arg);
}

static int gs_remote_read(unw_addr_space_t as, unw_word_t addr, unw_word_t *value, int write,
			  void *arg)
{
	struct gs_remote_walk *w = arg;
	struct gs_objects *os = &w->view->os;
	int err;

	if (write)
		return -UNW_EINVAL;
	/* The objects' tables and code do not change; stacks do. */
	if (gs_objects_find(os, addr))
		err = gs_peek_read_constant(&os->peek, addr, value, sizeof(*value));
	else
		err = gs_peek_read(&os->peek, addr, value, sizeof(*value));
	return err == 0 ? 0 : -UNW_EINVAL;
}

static int gs_remote_register(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *value, int write,
			      void *arg)
{
	struct gs_remote_walk *w = arg;

	if (write || reg < 0 || reg >= GS_UNWIND_REGS)
		return -UNW_EBADREG;
	if (!(w->start->known & 1U << reg)) {
		w->missing = true;
		return -UNW_EBADREG;
	}
	*value = w->start->reg[reg];
	return 0;
}

static int gs_remote_float(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *value, int write,
			   void *arg)
{
	return -UNW_EBADREG;
}

static void gs_remote_put(unw_addr_space_t as, unw_proc_info_t *pi, void *arg)
{
}

static int gs_remote_dynamic(unw_addr_space_t as, unw_word_t *list, void *arg)
{
	return -UNW_ENOINFO;
}

static int gs_remote_resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
	return -UNW_EINVAL;
}

static int gs_remote_name(unw_addr_space_t as, unw_word_t ip, char *buf, size_t size,
			  unw_word_t *offset, void *arg)
{
	return -UNW_ENOINFO; /* view.c names places */
}

bool gs_remote_open(struct gs_remote *r, struct gs_view *v)
{
	static unw_accessors_t accessors = {
		.find_proc_info = gs_remote_find,
		.put_unwind_info = gs_remote_put,
		.get_dyn_info_list_addr = gs_remote_dynamic,
		.access_mem = gs_remote_read,
		.access_reg = gs_remote_register,
		.access_fpreg = gs_remote_float,
		.resume = gs_remote_resume,
		.get_proc_name = gs_remote_name,
	};
	unw_addr_space_t space = unw_create_addr_space(&accessors, 0);

	*r = (struct gs_remote){ .view = v, .space = space };
	if (!space) {
		gs_tool_warn(0, "libunwind cannot make an address space");
		return false;
	}
	unw_set_caching_policy(space, UNW_CACHE_GLOBAL);
	return true;
}

void gs_remote_close(struct gs_remote *r)
{
	unw_destroy_addr_space(r->space);
	r->space = NULL;
}

/* call: the frame's place is where a call returns to. */
static int gs_remote_show(struct gs_remote_walk *w, bool call)
{
	unw_word_t pc;

	if (unw_get_reg(&w->cursor, UNW_REG_IP, &pc) != 0)
		return -EFAULT;
	w->walk.pc = pc;
	w->walk.call = call;
	w->walk.signal = gs_objects_sigreturn(&w->view->os, pc);
	return pc != 0;
}

static int gs_remote_step(struct gs_view_walk *walk)
{
	struct gs_remote_walk *w = GS_CONTAINER_OF(walk, struct gs_remote_walk, walk);
	unw_word_t before = 0, sp = 0;
	bool signal = w->walk.signal;
	int more;

	w->missing = false;
	unw_get_reg(&w->cursor, UNW_REG_SP, &before);
	more = unw_step(&w->cursor);
	if (more < 0)
		return w->missing ? -ENODATA : -ENOENT;
	if (more == 0)
		return 0;
	unw_get_reg(&w->cursor, UNW_REG_SP, &sp);
	/* Up the stack, or out of a handler; anything else is a guess that went wrong. */
	if (sp <= before && !signal)
		return -ENOENT;
	return gs_remote_show(w, !signal);
}

void gs_remote_stack(struct gs_text *t, struct gs_remote *r, const struct gs_unwind_frame *f)
{
	struct gs_remote_walk w = {
		.walk.step = gs_remote_step,
		.view = r->view,
		.start = f,
	};

	if (unw_init_remote(&w.cursor, r->space, &w) == 0 && gs_remote_show(&w, !f->exact) > 0)
		gs_view_stack(t, r->view, &w.walk);
}
