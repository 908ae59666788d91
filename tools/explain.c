/* SPDX-License-Identifier: MIT */
/*
 * explain.c - `goshim --explain`: the settings as the library would read them
 * from this environment, by the library's own code.
 *
 * Called from: goshim.c.
 */
#include "tool.h"

#include "conf.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void gs_explain_option(const struct gs_conf_option *o)
{
	char name[64], value[64], allowed[128];
	const char *standing = *o->value == o->def ? o->standing : "";

	snprintf(name, sizeof(name), "%s%s", o->debug ? "GOSHIM_DEBUG=" : "", o->name);
	gs_conf_show(o, *o->value, value, sizeof(value));
	/* Of 0 and 1 a person need not be told what they stand for. */
	if (o->type == GS_CONF_BOOL || o->type == GS_CONF_FLAG)
		standing = "";
	printf("%-24s %-10s %-12s %s", name, value, o->given ? "environment" : "default", o->help);
	if (*standing)
		printf(" (%s: %s)", value, standing);
	printf("\n%-24s %-10s %-12s %s\n", "", "", "",
	       gs_conf_allowed(o, allowed, sizeof(allowed)));
}

int gs_explain_main(void)
{
	gs_conf_load(environ);
	printf("%-24s %-10s %-12s %s\n", "OPTION", "VALUE", "SOURCE", "MEANING, AND WHAT IS ALLOWED");
	for (unsigned i = 0; i < gs_conf_options_count; i++)
		gs_explain_option(&gs_conf_options[i]);
	return 0;
}
