/* SPDX-License-Identifier: MIT */
/*
 * arch.h - the one place that knows the processor. A port adds an arch_<cpu>.h
 * with the same names and lists it here.
 */
#ifndef GS_ARCH_H
#define GS_ARCH_H

#include "base.h"

#if defined(__x86_64__)
#include "arch_x86_64.h"
#else
#error "libgoshim knows x86-64 only; add shim/runtime/arch_<cpu>.h"
#endif

#endif
