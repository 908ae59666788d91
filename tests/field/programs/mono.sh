# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="mono-runtime mono-mcs"
title="Mono, 40 threads, its pool" threads="stopped by signals to collect garbage; asynchronous sockets"
version() { mono --version; }
run()
{
	cat >"$dir/T.cs" <<-'END'
	using System;
	using System.Collections.Generic;
	using System.Collections.Concurrent;
	using System.Net;
	using System.Net.Sockets;
	using System.Threading;
	using System.Threading.Tasks;
	class T {
	  static object m = new object();
	  static int count; static long sum;
	  static void Main(string[] a) {
	    var ts = new List<Thread>();
	    for (int i = 0; i < 40; i++) { int k = i; var t = new Thread(() => {
	        for (int j = 0; j < 2000; j++) { var s = new string('x', j % 100 + k); lock (m) { sum += s.Length; if (j % 50 == 0) Monitor.PulseAll(m); } 
	           if (j % 100 == 0) lock (m) Monitor.Wait(m, 1); }
	        Interlocked.Increment(ref count); }); t.Start(); ts.Add(t); }
	    for (int g = 0; g < 20; g++) { GC.Collect(); Thread.Sleep(2);} 
	    foreach (var t in ts) t.Join();
	    Console.WriteLine("threads {0} {1}", count, sum);
	    var ev = new CountdownEvent(500); long ps = 0;
	    for (int i = 0; i < 500; i++) { int k = i; ThreadPool.QueueUserWorkItem(_ => { Interlocked.Add(ref ps, k); if (k % 50 == 0) Thread.Sleep(5); ev.Signal(); }); }
	    ev.Wait(); Console.WriteLine("pool {0}", ps);
	    long pf = 0; Parallel.For(0, 10000, i => { Interlocked.Add(ref pf, i); });
	    Console.WriteLine("parallel {0}", pf);
	    Console.WriteLine("async {0}", Server().Result);
	    var q = new BlockingCollection<int>(10); long qs = 0;
	    var cons = Task.Run(() => { foreach (var x in q.GetConsumingEnumerable()) qs += x; });
	    var prods = new Task[4]; for (int p = 0; p < 4; p++) prods[p] = Task.Run(() => { for (int i = 0; i < 1000; i++) q.Add(i); });
	    Task.WaitAll(prods); q.CompleteAdding(); cons.Wait(); Console.WriteLine("queue {0}", qs);
	    var ab = new Thread(() => { try { while (true) Thread.Sleep(10000); } catch (ThreadAbortException) { Console.WriteLine("aborted"); } });
	    ab.Start(); Thread.Sleep(20); ab.Abort(); ab.Join();
	    var ir = new Thread(() => { try { Thread.Sleep(Timeout.Infinite); } catch (ThreadInterruptedException) { Console.WriteLine("interrupted"); } });
	    ir.Start(); Thread.Sleep(20); ir.Interrupt(); ir.Join();
	    try { string n = null; Console.WriteLine(n.Length); } catch (NullReferenceException) { Console.WriteLine("null"); }
	    var nt = new Thread(() => { try { string n = null; Console.WriteLine(n.Length); } catch (NullReferenceException) { Console.WriteLine("null2"); } }); nt.Start(); nt.Join();
	    var so = new Thread(() => { Console.WriteLine("deep {0}", Deep(20000)); }, 16*1024*1024); so.Start(); so.Join();
	    int fired = 0; using (var tm = new Timer(_ => Interlocked.Increment(ref fired), null, 0, 1)) { while (Volatile.Read(ref fired) < 20) Thread.Sleep(1); } Console.WriteLine("timer");
	    var rw = new ReaderWriterLockSlim(); var rts = new Task[8]; int rv=0; for (int i=0;i<8;i++) { int k=i; rts[i]=Task.Run(()=>{ for(int j=0;j<500;j++){ if(k<2){rw.EnterWriteLock(); rv++; rw.ExitWriteLock();} else {rw.EnterReadLock(); var z=rv; rw.ExitReadLock();} } }); } Task.WaitAll(rts); Console.WriteLine("rw {0}", rv);
	    var p2 = System.Diagnostics.Process.Start("echo","child"); p2.WaitForExit(); Console.WriteLine("exit {0}", p2.ExitCode);
	  }
	  static int Deep(int n) { return n == 0 ? 0 : 1 + Deep(n - 1); }
	  static async Task<long> Server() {
	    var l = new TcpListener(IPAddress.Loopback, 0); l.Start(); int port = ((IPEndPoint)l.LocalEndpoint).Port;
	    var srv = Task.Run(async () => { for (int i = 0; i < 50; i++) { var c = await l.AcceptTcpClientAsync(); var _ = Task.Run(async () => { using (c) { var s = c.GetStream(); var b = new byte[100]; int n; while ((n = await s.ReadAsync(b, 0, 100)) > 0) await s.WriteAsync(b, 0, n); } }); } });
	    var cl = new Task<long>[50];
	    for (int i = 0; i < 50; i++) { int k = i; cl[i] = Task.Run(async () => { using (var c = new TcpClient()) { await c.ConnectAsync(IPAddress.Loopback, port); var s = c.GetStream(); long t = 0; var b = new byte[10]; for (int j = 0; j < 20; j++) { b[0] = (byte)(j + k); await s.WriteAsync(b, 0, 10); int got = 0; while (got < 10) { int n = await s.ReadAsync(b, got, 10 - got); if (n <= 0) return -1; got += n; } t += b[0]; } return t; } }); }
	    var r = await Task.WhenAll(cl); await srv; long tot = 0; foreach (var x in r) tot += x; return tot;
	  }
	}
	END
	(cd "$dir" && timeout 60 mcs -langversion:latest T.cs >/dev/null 2>&1)
	batch mono "$dir/T.exe"
}
