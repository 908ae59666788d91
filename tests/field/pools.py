#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pools.py - thread pools, queues, events, semaphores, timers and subprocesses in threads."""
import concurrent.futures, hashlib, queue, subprocess, threading, time, zlib

with concurrent.futures.ThreadPoolExecutor(200) as pool:
    print(sum(pool.map(lambda n: (time.sleep(0.002), n * n)[1], range(5000))))
    # zlib and hashlib drop the interpreter's lock and compute.
    data = bytes(range(256)) * 8000
    print(hashlib.sha256(b"".join(pool.map(lambda n: zlib.compress(data, n), [1, 3, 6, 9] * 4))).hexdigest())
    print([f.result() for f in [pool.submit(subprocess.check_output, ["echo", str(n)]) for n in range(20)]])

numbers, answers = queue.Queue(10), queue.Queue()


def worker():
    while (n := numbers.get()) is not None:
        answers.put(n * 2)


workers = [threading.Thread(target=worker) for _ in range(50)]
for w in workers:
    w.start()
for n in list(range(20000)) + [None] * 50:
    numbers.put(n)
for w in workers:
    w.join()
print(sum(answers.get() for _ in range(20000)))
print(threading.Event().wait(0.05), threading.Semaphore(0).acquire(timeout=0.05))
done = threading.Event()
threading.Timer(0.05, done.set).start()
print(done.wait(10))
barrier, order = threading.Barrier(30), []
group = [threading.Thread(target=lambda: order.append(barrier.wait())) for _ in range(30)]
for g in group:
    g.start()
for g in group:
    g.join()
print(sorted(order) == list(range(30)))
