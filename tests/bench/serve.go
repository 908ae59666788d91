// SPDX-License-Identifier: MIT
//
// serve.go - echo and HTTP server in Go: a goroutine per connection. The HTTP side is
// as bare as in the other contenders (serve.h), not net/http.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
)

var page = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" +
	"Content-Length: 13\r\n\r\nHello, world\n")

func serve(c net.Conn, http bool) {
	var buffer [4096]byte
	have := 0

	defer c.Close()
	for {
		n, err := c.Read(buffer[have:])
		if err != nil {
			return
		}
		have += n
		answer := buffer[:have]
		if http {
			if !bytes.HasSuffix(answer, []byte("\r\n\r\n")) {
				continue
			}
			answer = page
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
		have = 0
	}
}

func hog() {
	for {
	}
}

func main() {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve.go:", err)
		os.Exit(1)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	if mode == "-g" {
		for i := 0; i < runtime.NumCPU(); i++ {
			go hog()
		}
	}
	for {
		c, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "serve.go:", err)
			os.Exit(1)
		}
		go serve(c, mode == "-H")
	}
}
