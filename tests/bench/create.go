// SPDX-License-Identifier: MIT
//
// create.go - create.c in Go: a goroutine that does nothing, waited for.
package main

import "sync"

func create(turns int) {
	for i := 0; i < turns; i++ {
		var done sync.WaitGroup
		done.Add(1)
		go done.Done()
		done.Wait()
	}
}

func main() {
	create(100)
	perTurn("create", create, number(1, 200))
}
