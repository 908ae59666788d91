// SPDX-License-Identifier: MIT
//
// download.go - download.c in Go.
package main

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const addresses, bytes = 8, 10 * 512 // slow.h

func fetch(url, port int) {
	c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.%d:%d", 1+url%addresses, port))
	if err != nil {
		die("download.go:", err)
	}
	var buffer [4096]byte
	total := 0
	c.Write([]byte("GET /\r\n\r\n"))
	for err == nil {
		var n int
		n, err = c.Read(buffer[:])
		total += n
	}
	if err != io.EOF || total != bytes {
		die("download.go:", err, total, "bytes")
	}
	c.Close()
}

func main() {
	port, urls := number(1, 0), number(2, 1000)
	var all sync.WaitGroup
	begin := time.Now()
	all.Add(urls)
	for i := 0; i < urls; i++ {
		go func(url int) {
			fetch(url, port)
			all.Done()
		}(i)
	}
	all.Wait()
	figure("wall_ms", float64(time.Since(begin).Microseconds())/1e3)
	figure("cpu_us", float64(cpu().Nanoseconds())/1e3/float64(urls))
}
