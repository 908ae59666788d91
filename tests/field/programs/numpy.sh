# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="python3-numpy"
title="python3 numpy, OpenBLAS" threads="a pool that multiplies, and spins"
version() { /usr/bin/python3 -c 'import numpy; print("numpy", numpy.__version__)'; }
run()
{
	export OPENBLAS_NUM_THREADS=4
	batch /usr/bin/python3 -c '
import numpy as np, threading
rng = np.random.default_rng(1)
a = rng.integers(0, 9, (700, 700)).astype(float)
def work(k):
    b = a
    for i in range(6):
        b = (a @ b) % 97
    out[k] = b.sum()
out = {}
ts = [threading.Thread(target=work, args=(k,)) for k in range(4)]
for t in ts: t.start()
for t in ts: t.join()
print(out == {k: out[0] for k in range(4)}, out[0])
print(round(abs(np.linalg.det(np.eye(300) * 2 / 2)), 6))'
	unset OPENBLAS_NUM_THREADS
}
