// SPDX-License-Identifier: MIT
//
// blocked.go - blocked.c in Go.
package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func procKB(path, name string) (value int) {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) > 1 && words[0] == name+":" {
			value, _ = strconv.Atoi(words[1])
		}
	}
	return value
}

func memoryKB() int {
	return procKB("/proc/self/status", "VmRSS") + procKB("/proc/meminfo", "KernelStack") +
		procKB("/proc/meminfo", "PageTables") + procKB("/proc/meminfo", "Slab")
}

func main() {
	kind, count := os.Args[1], number(2, 10000)
	deadline := time.Now().Add(time.Duration(number(3, 2)) * time.Second)
	var lock sync.Mutex
	var here int64
	var all sync.WaitGroup
	awake := false
	cond := sync.NewCond(&lock)
	pipes := 0
	if kind == "read" {
		pipes = count
		if pipes > 4000 {
			pipes = 4000
		}
	}
	ins, outs := make([]*os.File, pipes), make([]*os.File, pipes)
	for i := range ins {
		var err error
		if ins[i], outs[i], err = os.Pipe(); err != nil {
			die(err)
		}
	}
	memory, begin, used := memoryKB(), time.Now(), cpu()
	all.Add(count)
	for i := 0; i < count; i++ {
		go func(me int) {
			atomic.AddInt64(&here, 1)
			switch kind {
			case "read":
				var c [1]byte
				ins[me%pipes].Read(c[:])
			case "sleep":
				time.Sleep(time.Until(deadline))
			default:
				lock.Lock()
				for !awake {
					cond.Wait()
				}
				lock.Unlock()
			}
			all.Done()
		}(i)
	}
	for atomic.LoadInt64(&here) < int64(count) {
		time.Sleep(time.Millisecond)
	}
	memory = memoryKB() - memory
	lock.Lock()
	awake = true
	cond.Broadcast()
	lock.Unlock()
	for i := 0; i < count && pipes > 0; i++ {
		outs[i%pipes].Write([]byte("x"))
	}
	all.Wait()
	figure("wall_us", float64(time.Since(begin).Microseconds())/float64(count))
	figure("cpu_us", float64((cpu()-used).Microseconds())/float64(count))
	figure("memory_kb", float64(memory)/float64(count))
}
