# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=perl
title="perl ithreads" threads="30 interpreters"
version() { perl -v | sed -n 's/.*(\(v[0-9.]*\)).*/perl \1/p'; }
run()
{
	batch perl -Mthreads -Mthreads::shared -MThread::Queue -e '
		my $q = Thread::Queue->new; my $sum :shared = 0;
		my @t = map { threads->create(sub {
			my $s = 0; while (defined(my $n = $q->dequeue)) { $s += $n }
			{ lock $sum; $sum += $s } return threads->tid }) } 1 .. 30;
		$q->enqueue($_) for 1 .. 20000; $q->end;
		print join(" ", map { $_->join } @t), "\n$sum\n";
		my $flag :shared = 0; my $w = threads->create(sub { lock $flag;
			cond_wait $flag until $flag; "woken" });
		sleep 1; { lock $flag; $flag = 1; cond_broadcast $flag } print $w->join, "\n";'
}
