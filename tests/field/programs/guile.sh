# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=guile-3.0
title="guile, 30 threads" threads="of its own, stopped by signals to collect garbage"
version() { guile --version | head -n 1; }
run()
{
	HOME=$dir GUILE_AUTO_COMPILE=0 batch guile --no-auto-compile -c '
	(use-modules (ice-9 threads))
	(define m (make-mutex)) (define n 0)
	(define ts (map (lambda (i) (call-with-new-thread (lambda ()
	  (do ((k 0 (+ k 1))) ((= k 200)) (let ((l (make-list 1000 (* i k))))
	    (with-mutex m (set! n (+ n (length l)))) (if (zero? (modulo k 50)) (gc)))) i))) (iota 30)))
	(display (map join-thread ts)) (newline) (display n) (newline)'
}
