/* SPDX-License-Identifier: MIT */
/*
 * conf.h - reading the options: environment in, gs_conf out. The goshim command
 * links the same code, so that what it explains is what the library does.
 */
#ifndef GS_SHIM_CONF_H
#define GS_SHIM_CONF_H

#include "conf_value.h"

/* The table of conf.def, in its order. */
extern struct gs_conf_option gs_conf_options[];
extern const unsigned gs_conf_options_count;

/* Fills gs_conf from the environment, without a word. In the constructor. */
void gs_conf_peek(char **envp);

/* Says what gs_conf_peek (called here if it was not before) found wrong, one line
   on standard error for each bad value or unknown GOSHIM_ name. At activation. */
void gs_conf_load(char **envp);

/* The option whose name is the first n bytes of name, exactly; NULL when there is none. */
struct gs_conf_option *gs_conf_find(const char *name, size_t n, bool debug);

#endif
