# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="rustc gcc libc6-dev"
title="rustc, a Rust program" threads="code generation; 100 of std::thread, channels, scoped"
version() { rustc --version; }
run()
{
	cat >"$dir/main.rs" <<-'RS'
	use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
	use std::thread;
	fn main() {
	    let (tx, rx) = mpsc::channel();
	    let total = Arc::new(Mutex::new(0u64));
	    let barrier = Arc::new(Barrier::new(100));
	    let pair = Arc::new((Mutex::new(0), Condvar::new()));
	    let table = Arc::new(RwLock::new(vec![0u32; 100]));
	    let hs: Vec<_> = (0..100u64).map(|i| {
	        let (tx, total, barrier, pair, table) = (tx.clone(), total.clone(), barrier.clone(), pair.clone(), table.clone());
	        thread::Builder::new().name(format!("t{}", i)).spawn(move || {
	            barrier.wait();
	            for k in 0..100 { *total.lock().unwrap() += k; if k % 10 == 0 { thread::yield_now(); } tx.send(i * k).unwrap(); }
	            table.write().unwrap()[i as usize] = i as u32;
	            let (m, c) = &*pair;
	            let mut turn = m.lock().unwrap();
	            while *turn != i { turn = c.wait(turn).unwrap(); }
	            *turn += 1; c.notify_all();
	            if i == 13 { thread::park_timeout(std::time::Duration::from_millis(20)); }
	            i
	        }).unwrap()
	    }).collect();
	    drop(tx);
	    let sum: u64 = rx.iter().sum();
	    let ids: u64 = hs.into_iter().map(|h| h.join().unwrap()).sum();
	    let caught = thread::spawn(|| { if true { std::panic::resume_unwind(Box::new(7)); } }).join().is_err();
	    println!("{} {} {} {} {}", sum, ids, total.lock().unwrap(), table.read().unwrap().iter().sum::<u32>(), caught);
	}
	RS
	batch rustc -O -C codegen-units=8 -o "$dir/main" "$dir/main.rs"
	batch "$dir/main"
	batch "$dir/main"
}
