/* SPDX-License-Identifier: MIT */
/*
 * base.c - the lesser and the greater of two: each is looked at once, for what is
 * looked at may change at once.
 */
#include "runtime/base.h"

#include <stdio.h>

static int looks;

/* Greater with each look. */
static int look(void)
{
	return 10 * ++looks;
}

int main(void)
{
	int a, b, c, d;

	a = GS_MIN(5, look());
	b = GS_MIN(look(), 50);
	c = GS_MAX(look(), 5);
	d = GS_MAX(5, GS_MIN(look(), 100));
	printf("%d %d %d %d, %d looks\n", a, b, c, d, looks);
	return !(a == 5 && b == 20 && c == 30 && d == 40 && looks == 4);
}
