# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="ocaml-nox"
title="OCaml, 50 threads" threads="of its own, under one lock; channels, a server, SIGALRM"
version() { ocamlopt -version; }
run()
{
	cat >"$dir/t.ml" <<-'END'
	let m = Mutex.create ()
	let c = Condition.create ()
	let total = ref 0
	let ready = ref 0
	let q : int Event.channel = Event.new_channel ()
	let worker i =
	  let l = ref [] in
	  for j = 1 to 3000 do
	    l := (j * i) :: !l;
	    if j mod 500 = 0 then begin Thread.yield (); l := [] end;
	    Mutex.lock m; total := !total + j mod 7; Mutex.unlock m
	  done;
	  Mutex.lock m; incr ready; Condition.broadcast c; Mutex.unlock m;
	  if i mod 10 = 0 then Thread.delay 0.01
	let fib n = let rec f n = if n < 2 then n else f (n-1) + f (n-2) in f n
	let rec restart f = try f () with Unix.Unix_error (Unix.EINTR,_,_) -> restart f
	let echo_server sock = 
	  for _ = 1 to 20 do
	    let (s, _) = restart (fun () -> Unix.accept sock) in
	    ignore (Thread.create (fun s ->
	      let b = Bytes.create 100 in
	      let rec loop () = let n = restart (fun () -> Unix.read s b 0 100) in
	        if n > 0 then (ignore (Unix.write s b 0 n); loop ()) in
	      loop (); Unix.close s) s)
	  done
	let () =
	  let alarms = ref 0 in
	  Sys.set_signal Sys.sigalrm (Sys.Signal_handle (fun _ -> incr alarms));
	  ignore (Unix.setitimer Unix.ITIMER_REAL { Unix.it_interval = 0.005; it_value = 0.005 });
	  let ts = List.init 50 (fun i -> Thread.create worker i) in
	  Mutex.lock m; while !ready < 50 do Condition.wait c m done; Mutex.unlock m;
	  List.iter Thread.join ts;
	  Printf.printf "%d\n" !total;
	  let fs = List.init 8 (fun i -> Thread.create (fun i -> ignore (fib (25 + i mod 4))) i) in
	  List.iter Thread.join fs;
	  let senders = List.init 10 (fun i -> Thread.create (fun i -> for j = 1 to 100 do Event.sync (Event.send q (i*j)) done) i) in
	  let s = ref 0 in
	  for _ = 1 to 1000 do s := !s + Event.sync (Event.receive q) done;
	  List.iter Thread.join senders;
	  Printf.printf "events %d\n" !s;
	  let sock = Unix.socket Unix.PF_INET Unix.SOCK_STREAM 0 in
	  Unix.bind sock (Unix.ADDR_INET (Unix.inet_addr_loopback, 0)); Unix.listen sock 50;
	  let addr = Unix.getsockname sock in
	  let st = Thread.create echo_server sock in
	  let got = ref 0 in
	  let cl = List.init 20 (fun i -> Thread.create (fun i ->
	    let s = Unix.socket Unix.PF_INET Unix.SOCK_STREAM 0 in
	    restart (fun () -> Unix.connect s addr);
	    let b = Bytes.make 10 'x' in
	    for _ = 1 to 20 do ignore (Unix.write s b 0 10); let n = ref 0 in while !n < 10 do let k = restart (fun () -> Unix.read s b 0 (10 - !n)) in n := !n + k done; Mutex.lock m; incr got; Mutex.unlock m done;
	    Unix.close s) i) in
	  List.iter Thread.join cl; Thread.join st;
	  Printf.printf "echo %d\n" !got;
	  Printf.printf "alarms %b\n" (!alarms > 0);
	  ignore (Unix.setitimer Unix.ITIMER_REAL { Unix.it_interval = 0.; it_value = 0. });
	  let r,w = Unix.pipe () in
	  let t = Thread.create (fun () -> ignore (Thread.select [r] [] [] 5.0); print_endline "selected") () in
	  Thread.delay 0.01; ignore (Unix.write w (Bytes.make 1 'a') 0 1); Thread.join t;
	  (match Unix.fork () with 0 -> let t = Thread.create (fun () -> print_endline "child thread") () in Thread.join t; exit 3
	   | pid -> match Unix.waitpid [] pid with (_, Unix.WEXITED n) -> Printf.printf "child %d\n" n | _ -> ());
	  ignore (Sys.command "echo sub")
	END
	(cd "$dir" && timeout 60 ocamlopt -thread -I +threads unix.cmxa threads.cmxa t.ml -o t)
	batch "$dir/t"
}
