// SPDX-License-Identifier: MIT
//
// measure.go - what the Go contenders share, built together with each: bench.h's figures.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

func cpu() time.Duration {
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func figure(name string, value float64) {
	fmt.Printf("%s %.6g\n", name, value)
}

func die(what ...any) {
	fmt.Fprintln(os.Stderr, what...)
	os.Exit(1)
}

// number is the index-th argument, or what is taken without it.
func number(index, without int) int {
	if len(os.Args) <= index {
		return without
	}
	value, err := strconv.Atoi(os.Args[index])
	if err != nil {
		die(err)
	}
	return value
}

func perTurn(name string, work func(int), milliseconds int) {
	for turns := 64; ; turns *= 2 {
		begin, used := time.Now(), cpu()
		work(turns)
		wall, spent := time.Since(begin), cpu()-used
		if spent >= time.Duration(milliseconds)*time.Millisecond {
			figure(name+"_ns", float64(wall)/float64(turns))
			figure(name+"_cpu_ns", float64(spent)/float64(turns))
			return
		}
	}
}
