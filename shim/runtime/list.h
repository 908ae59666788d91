/* SPDX-License-Identifier: MIT */
/*
 * list.h - intrusive circular doubly-linked list. A node that is on no list
 * points at itself, so gs_list_del on it is harmless and gs_list_on tells.
 *
 * Locks: the owner of the list's.
 */
#ifndef GS_LIST_H
#define GS_LIST_H

#include "base.h"

struct gs_list {
	struct gs_list *next, *prev;
};

#define GS_LIST_INIT(name) { &(name), &(name) }

static inline void gs_list_init(struct gs_list *l)
{
	l->next = l->prev = l;
}

static inline bool gs_list_empty(const struct gs_list *l)
{
	return l->next == l;
}

static inline bool gs_list_on(const struct gs_list *node)
{
	return node->next != node;
}

static inline void gs_list_add_tail(struct gs_list *head, struct gs_list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void gs_list_add_head(struct gs_list *head, struct gs_list *node)
{
	node->next = head->next;
	node->prev = head;
	head->next->prev = node;
	head->next = node;
}

/* Takes node off whatever list it is on; it then points at itself. */
static inline void gs_list_del(struct gs_list *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
	node->next = node->prev = node;
}

#define gs_list_first(head, type, member) GS_CONTAINER_OF((head)->next, type, member)

#define gs_list_for_each(pos, head) \
	for (struct gs_list *pos = (head)->next; pos != (head); pos = pos->next)

#define gs_list_for_each_safe(pos, head)                                            \
	for (struct gs_list *pos = (head)->next, *pos##_next = pos->next; pos != (head); \
	     pos = pos##_next, pos##_next = pos->next)

#endif
