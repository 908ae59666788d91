/* SPDX-License-Identifier: MIT */
/*
 * report.h - the counters at exit.
 */
#ifndef GS_REPORT_H
#define GS_REPORT_H

/* A line each, on standard error: the sums over all processors, and the system
   calls that cost a kernel thread. */
void gs_report_print(void);

#endif
