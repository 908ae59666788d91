# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="swi-prolog-nox"
title="swipl, 20 threads" threads="of its own with queues, interrupted by signals; two that collect garbage"
version() { swipl --version; }
run()
{
	cat >"$dir/a.pl" <<-'END'
	:- use_module(library(thread)).
	:- use_module(library(yall)).
	:- use_module(library(socket)).
	fib(0, 0).
	fib(1, 1).
	fib(N, F) :- N > 1, A is N-1, B is N-2, fib(A, X), fib(B, Y), F is X+Y.
	worker(Q, R) :-
		repeat, thread_get_message(Q, M),
		( M == done -> ! ; fib(M, F), thread_send_message(R, F), fail ).
	pool :-
		message_queue_create(Q, [max_size(10)]), message_queue_create(R),
		findall(T, (between(1, 20, _), thread_create(worker(Q, R), T)), Ts),
		forall(between(1, 400, I), (M is I mod 18, thread_send_message(Q, M))),
		forall(member(_, Ts), thread_send_message(Q, done)), forall(member(T, Ts), thread_join(T)),
		findall(X, (between(1, 400, _), thread_get_message(R, X)), L), sum_list(L, S), writeln(S).
	locks :-
		mutex_create(M),
		findall(T, (between(1, 10, _),
			thread_create(forall(between(1, 1000, _), with_mutex(M, flag(c, N, N+1))), T)), Ts),
		forall(member(T, Ts), thread_join(T)), flag(c, V, V), writeln(V).
	interrupted :-
		thread_self(Me),
		thread_create(catch((thread_send_message(Me, ready), repeat, sleep(0.01), fail), stop, true), T),
		thread_get_message(ready), thread_signal(T, throw(stop)), thread_join(T, S), writeln(S).
	answer(S) :-
		tcp_accept(S, C, _), tcp_open_socket(C, I, O), read(I, T),
		format(O, "~q.~n", [got(T)]), close(I), close(O).
	sockets :-
		tcp_socket(S), tcp_bind(S, localhost:P), tcp_listen(S, 5),
		forall(between(1, 20, K), (thread_create(answer(S), T), tcp_connect(localhost:P, St, []),
			format(St, "~q.~n", [K]), flush_output(St), read(St, R), write(R), close(St), thread_join(T))), nl.
	main :-
		pool, concurrent_maplist([X, Y]>>(Y is X*X), [1, 2, 3, 4, 5], Z), writeln(Z),
		first_solution(W, [(repeat, fail), W = 7], []), writeln(W), locks, interrupted,
		numlist(1, 50000, NL), maplist([A, B]>>atom_number(B, A), NL, AL), length(AL, AN), writeln(AN),
		garbage_collect_atoms, garbage_collect_clauses, sockets, halt(3).
	:- initialization(main).
	END
	HOME=$dir batch swipl -q "$dir/a.pl"
}
