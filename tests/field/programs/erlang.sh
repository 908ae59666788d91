# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=erlang-base
title="erlang, 4 schedulers" threads="schedulers, dirty I/O, timers"
version() { echo "erlang $(cat /usr/lib/erlang/releases/*/OTP_VERSION)"; }
run()
{
	HOME=$dir batch erl +S 4:4 -noshell -eval '
	Me = self(),
	Ps = [spawn(fun() -> S = lists:sum([X * N rem 97 || X <- lists:seq(1, 20000)]), {ok, B} = file:read_file("/etc/passwd"),
	      timer:sleep(N rem 7), Me ! {N, S + byte_size(B) - byte_size(B)} end) || N <- lists:seq(1, 300)],
	R = lists:sort([receive M -> M end || _ <- Ps]),
	io:format("~p~n", [erlang:phash2(R)]), {ok, H} = inet:getaddr("localhost", inet), io:format("~p~n", [H]), halt(0).'
}
