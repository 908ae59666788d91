// SPDX-License-Identifier: MIT
//
// sleepers.go - sleepers.c in Go.
package main

import (
	"sync/atomic"
	"time"
)

const (
	step    = 50 * time.Microsecond
	buckets = 20000
)

var late [buckets]uint32
var measuring int32

func sleeper(due time.Time, period time.Duration) {
	for {
		due = due.Add(period)
		time.Sleep(time.Until(due))
		over := time.Since(due) / step
		if over > buckets-1 {
			over = buckets - 1
		}
		if over < 0 {
			over = 0
		}
		if atomic.LoadInt32(&measuring) != 0 {
			atomic.AddUint32(&late[over], 1)
		}
	}
}

func main() {
	threads := number(1, 10000)
	period := time.Duration(number(2, 200)) * time.Millisecond
	milliseconds := number(3, 1000)
	origin := time.Now()
	for i := 0; i < threads; i++ {
		go sleeper(origin.Add(period*time.Duration(i)/time.Duration(threads)), period)
	}
	time.Sleep(period * 3 / 2)
	atomic.StoreInt32(&measuring, 1)
	begin, used := time.Now(), cpu()
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	atomic.StoreInt32(&measuring, 0)
	wall, spent := time.Since(begin), cpu()-used
	var all, seen, p50, p99 float64
	for i := range late {
		all += float64(late[i])
	}
	for i := range late {
		seen += float64(late[i])
		if p50 == 0 && seen >= all*0.5 {
			p50 = float64((i + 1) * 50)
		}
		if p99 == 0 && seen >= all*0.99 {
			p99 = float64((i + 1) * 50)
		}
	}
	figure("rate", all/wall.Seconds())
	figure("cpu_us", float64(spent.Nanoseconds())/1e3/all)
	figure("late50_us", p50)
	figure("late99_us", p99)
}
