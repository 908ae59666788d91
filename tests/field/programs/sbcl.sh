# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=sbcl
title="sbcl, 30 threads" threads="of its own, stopped by signals to collect garbage"
version() { sbcl --version; }
run()
{
	batch sbcl --noinform --non-interactive --no-userinit --eval '
	(let* ((m (sb-thread:make-mutex)) (n 0)
	       (ts (loop for i below 30 collect (let ((i i)) (sb-thread:make-thread (lambda ()
	             (dotimes (k 200) (let ((l (loop for j below 1000 collect (+ i j k))))
	                (sb-thread:with-mutex (m) (incf n (length l)))) (when (zerop (mod k 50)) (gc))) i))))))
	  (print (mapcar (function sb-thread:join-thread) ts)) (print n) (terpri))'
}
