#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""programs.py - servers and clients for programs.bats.

A server is run with or without the library; a client never is, and checks
every byte. A server prints "listening on PORT"; a client's output does not
depend on timing and is the same whoever serves.

    programs.py http-server DIR | tcp-server
    programs.py http-client PORT | tcp-client PORT | memcached-client PORT | tls-client PORT
    programs.py threads
"""
import concurrent.futures
import hashlib
import http.client
import http.server
import os
import queue
import random
import signal
import socket
import socketserver
import ssl
import sys
import threading
import time

CLIENTS = 40


def body_of(name, size):
    """The content of a file or value: from its name alone."""
    block = hashlib.sha256(name.encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def stop_at_sigterm(server):
    def stop(*_):
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print("listening on", server.server_address[1], flush=True)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    print("stopped", flush=True)


# --- servers ------------------------------------------------------------------

def http_server(directory):
    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __init__(self, *args):
            super().__init__(*args, directory=directory)

        def log_message(self, *args):
            pass

        def do_POST(self):
            data = self.rfile.read(int(self.headers["Content-Length"]))
            answer = hashlib.sha256(data).hexdigest().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    for size in 0, 1, 1000, 70000, 3000000:
        with open(os.path.join(directory, f"file-{size}"), "wb") as f:
            f.write(body_of(f"file-{size}", size))
    http.server.ThreadingHTTPServer.request_queue_size = 128
    stop_at_sigterm(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))


def tcp_server():
    lock = threading.Lock()
    total = 0

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            nonlocal total
            for line in self.rfile:
                with lock:
                    total += 1
                self.wfile.write(line.strip()[::-1] + b"\n")

    socketserver.ThreadingTCPServer.request_queue_size = 128
    socketserver.ThreadingTCPServer.daemon_threads = True
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    stop_at_sigterm(server)
    print("lines", total, flush=True)


def threads():
    """What Python's own threads offer, used hard; deterministic output."""
    counter, lock, done = 0, threading.Lock(), queue.Queue()
    local = threading.local()

    def work(number):
        nonlocal counter
        local.value = number
        for i in range(200):
            with lock:
                counter += 1
            if i % 50 == 0:
                time.sleep(0.0005)
        done.put(local.value == number)

    pool = [threading.Thread(target=work, args=(n,)) for n in range(50)]
    for t in pool:
        t.start()
    for t in pool:
        t.join()
    print("counter", counter, "locals", sum(done.get() for _ in pool))

    with concurrent.futures.ThreadPoolExecutor(20) as executor:
        print("pool", sum(executor.map(lambda n: n * n, range(1000))))
        print("digests", len(set(executor.map(lambda n: hashlib.sha256(body_of(str(n), 50000)).digest(),
                                              range(100)))))

    condition, event, barrier = threading.Condition(), threading.Event(), threading.Barrier(10)
    order = []

    def turn(n):
        event.wait()
        barrier.wait()
        with condition:
            condition.wait_for(lambda: len(order) == n)
            order.append(n)
            condition.notify_all()

    pool = [threading.Thread(target=turn, args=(n,)) for n in range(10)]
    for t in pool:
        t.start()
    event.set()
    for t in pool:
        t.join(30)
    print("order", order)
    with lock:
        print("timeouts", lock.acquire(timeout=0.02), threading.Event().wait(0.02),
              threading.Semaphore(0).acquire(timeout=0.02))
    timer = threading.Timer(0.01, event.clear)
    timer.start()
    timer.join()
    print("timer", event.is_set())

    a, b = socket.socketpair()
    a.settimeout(30)
    echo = threading.Thread(target=lambda: [b.sendall(b.recv(100)) for _ in range(100)])
    echo.start()
    for i in range(100):
        a.sendall(b"%d" % i)
        assert a.recv(100) == b"%d" % i
    echo.join()
    print("socketpair 100")

    import subprocess
    with concurrent.futures.ThreadPoolExecutor(8) as executor:
        print("children", list(executor.map(
            lambda n: subprocess.run(["sh", "-c", f"cat; exit {n}"], input=b"x" * n,
                                     capture_output=True).returncode, range(16))))

    import asyncio

    async def both():
        async def sleeper(n):
            await asyncio.sleep(0.01 * (5 - n))
            return await asyncio.to_thread(lambda: n * 2)
        return await asyncio.gather(*(sleeper(n) for n in range(5)))

    print("asyncio", asyncio.run(both()))
    hits = []
    signal.signal(signal.SIGUSR1, lambda *_: hits.append(threading.current_thread() is threading.main_thread()))
    t = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGUSR1))
    t.start()
    t.join()
    while not hits:
        time.sleep(0.01)
    print("signal", hits)
    pid = os.fork()
    if pid == 0:
        t = threading.Thread(target=lambda: os._exit(5))
        t.start()
        time.sleep(10)
        os._exit(6)
    print("fork", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


# --- clients ------------------------------------------------------------------

def in_parallel(work):
    """Calls work(0..CLIENTS-1) at once; the first failure is the program's."""
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as executor:
        return sum(executor.map(work, range(CLIENTS)))


def http_client(port):
    def work(number):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for i in range(10):
            size = (0, 1, 1000, 70000, 3000000)[(number + i) % (5 if number % 8 == 0 else 4)]
            connection.request("GET", f"/file-{size}")
            response = connection.getresponse()
            assert response.status == 200 and response.read() == body_of(f"file-{size}", size)
            data = body_of(f"post {number} {i}", 37 * number * i)
            connection.request("POST", "/", body=data)
            assert connection.getresponse().read().decode() == hashlib.sha256(data).hexdigest()
        connection.request("GET", "/no-such-file")
        response = connection.getresponse()
        assert response.status == 404
        response.read()
        connection.close()
        return 10

    print("requests", in_parallel(work))


def tcp_client(port):
    def work(number):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
            f = s.makefile("rwb")
            for i in range(50):
                line = b"%d line %d of client %d" % (number * i, i, number)
                f.write(line + b"\n")
                f.flush()
                assert f.readline() == line[::-1] + b"\n"
        return 50

    print("lines", in_parallel(work))


def memcached_client(port):
    def command(f, data):
        f.write(data)
        f.flush()
        return f.readline()

    def work(number):
        rng = random.Random(number)
        with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
            f = s.makefile("rwb")
            values = {}
            for i in range(60):
                key = b"k-%d-%d" % (number, rng.randrange(20))
                value = body_of(f"{number} {i}", rng.choice((0, 10, 900, 20000, 400000)))
                assert command(f, b"set %s %d 0 %d\r\n%s\r\n" % (key, i, len(value), value)) == b"STORED\r\n"
                values[key] = i, value
                key = rng.choice(list(values))
                flags, value = values[key]
                head = command(f, b"get %s\r\n" % key)
                assert head == b"VALUE %s %d %d\r\n" % (key, flags, len(value)), head
                assert f.read(len(value) + 7) == value + b"\r\nEND\r\n"
            # many at once
            f.write(b"get " + b" ".join(values) + b"\r\n")
            f.flush()
            for key, (flags, value) in values.items():
                assert f.readline() == b"VALUE %s %d %d\r\n" % (key, flags, len(value))
                assert f.read(len(value) + 2) == value + b"\r\n"
            assert f.readline() == b"END\r\n"
            for i in range(100):
                command(f, b"incr shared 1\r\n")
            assert command(f, b"delete %s\r\n" % next(iter(values))) == b"DELETED\r\n"
            assert command(f, b"get %s\r\n" % next(iter(values))) == b"END\r\n"
        return 60

    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        f = s.makefile("rwb")
        assert command(f, b"set shared 0 0 1\r\n0\r\n") == b"STORED\r\n"
        count = in_parallel(work)
        assert command(f, b"incr shared 0\r\n") == b"%d\r\n" % (100 * CLIENTS)
    print("values", count)


def fnv(data):
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xffffffff
    return value


def tls_client(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def work(number):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
            with context.wrap_socket(raw) as s:
                f = s.makefile("rwb")
                for i in range(10):
                    size = (10, 500, 5000, 65536)[(number + i) % (4 if number % 8 == 0 else 3)]
                    text = b"client %d request %d " % (number, i)
                    f.write(b"SUM %d %s\n" % (size, text))
                    f.flush()
                    want = (text * (size // len(text) + 1))[:size]
                    assert f.readline() == b"OK %d %08x\n" % (size, fnv(want))
                    assert f.read(size + 1) == want + b"\n"
                f.write(b"QUIT\n")
                f.flush()
                assert f.readline() == b"BYE\n"
        return 10

    print("answers", in_parallel(work))


if __name__ == "__main__":
    function = globals()[sys.argv[1].replace("-", "_")]
    function(*(int(a) if a.isdigit() else a for a in sys.argv[2:]))
