// SPDX-License-Identifier: MIT
//
// turns.go - turns.c in Go: sync.Cond, a channel for the semaphore, os.Pipe, Gosched, and a
// ring of channels.
package main

import (
	"os"
	"runtime"
	"sync"
)

func two(player func(me int, hops int), hops int) {
	done := make(chan bool)
	go func() {
		player(1, hops)
		done <- true
	}()
	player(0, hops)
	<-done
}

func cond(hops int) {
	var lock sync.Mutex
	changed := sync.NewCond(&lock)
	turn := 0

	two(func(me, hops int) {
		lock.Lock()
		for i := 0; i < hops/2; i++ {
			for turn != me {
				changed.Wait()
			}
			turn = 1 - me
			changed.Signal()
		}
		lock.Unlock()
	}, hops)
}

func sem(hops int) {
	posts := [2]chan bool{make(chan bool, 1), make(chan bool, 1)}

	posts[0] <- true
	two(func(me, hops int) {
		for i := 0; i < hops/2; i++ {
			<-posts[me]
			posts[1-me] <- true
		}
	}, hops)
}

func pipe(hops int) {
	var in, out [2]*os.File

	for i := range in {
		in[i], out[1-i], _ = os.Pipe()
	}
	out[1].Write([]byte("x"))
	two(func(me, hops int) {
		var c [1]byte
		for i := 0; i < hops/2; i++ {
			in[me].Read(c[:])
			out[me].Write(c[:])
		}
	}, hops)
	for i := range in {
		in[i].Close()
		out[i].Close()
	}
}

func yield(hops int) {
	last, done := 0, 0

	two(func(me, hops int) {
		for done < hops {
			if last != me {
				last = me
				done++
			}
			runtime.Gosched()
		}
	}, hops)
}

func ring(hops int) {
	const size = 1000
	var seats [size]chan bool
	var all sync.WaitGroup

	for i := range seats {
		seats[i] = make(chan bool, 1)
	}
	all.Add(size)
	for i := range seats {
		go func(me int) {
			for k := me; k < hops; k += size {
				<-seats[me]
				seats[(me+1)%size] <- true
			}
			all.Done()
		}(i)
	}
	seats[0] <- true
	all.Wait()
}

func main() {
	kinds := map[string]func(int){"cond": cond, "sem": sem, "pipe": pipe, "yield": yield, "ring": ring}
	perTurn("hop", kinds[os.Args[1]], number(2, 200))
}
