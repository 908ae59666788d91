# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="gcc libc6-dev"
title="OpenMP (libgomp), 8 threads" threads="a pool; barriers that spin, then wait in system calls of their own"
version() { gcc --version | head -n 1; }
run()
{
	cat >"$dir/loops.c" <<-'C'
	#include <omp.h>
	#include <stdio.h>
	static double a[1 << 16];
	static long fib(int n) {
	  long x, y;
	  if (n < 12) return n < 2 ? n : fib(n - 1) + fib(n - 2);
	  #pragma omp task shared(x)
	  x = fib(n - 1);
	  y = fib(n - 2);
	  #pragma omp taskwait
	  return x + y;
	}
	int main(void) {
	  long sum = 0, f = 0, turns = 0;
	  for (int r = 0; r < 60; r++) {
	    #pragma omp parallel for
	    for (int i = 0; i < 1 << 16; i++) a[i] = a[i] / 2 + i % 7 + r;
	    #pragma omp parallel for reduction(+ : sum) schedule(dynamic, 512)
	    for (int i = 0; i < 1 << 16; i++) sum += (long)a[i];
	  }
	  #pragma omp parallel
	  {
	    for (int k = 0; k < 100; k++) {
	      #pragma omp barrier
	      #pragma omp critical
	      turns++;
	    }
	    #pragma omp single
	    f = fib(24);
	  }
	  printf("%ld %ld %ld\n", sum, f, turns);
	  return 0;
	}
	C
	gcc -O2 -fopenmp "$dir/loops.c" -o "$dir/loops"
	OMP_NUM_THREADS=8 batch "$dir/loops"
	OMP_NUM_THREADS=8 OMP_WAIT_POLICY=active batch "$dir/loops"
	OMP_NUM_THREADS=8 OMP_WAIT_POLICY=passive batch "$dir/loops"
}
