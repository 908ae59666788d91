# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="fp-compiler fp-units-base"
title="Free Pascal, 40 threads" threads="the program's; their functions are looked up in libpthread"
version() { fpc -iV; }
run()
{
	cat >"$dir/t.pas" <<-'END'
	{$mode objfpc}{$H+}
	program t;
	uses cthreads, classes, sysutils, syncobjs;
	var cs: TCriticalSection; total: int64 = 0; ev: TEvent; started: longint = 0;
	threadvar tv: longint;
	type TW = class(TThread) id: integer; procedure Execute; override; end;
	procedure TW.Execute;
	var i: integer; s: ansistring;
	begin
	  InterlockedIncrement(started);
	  ev.WaitFor(INFINITE);
	  for i := 1 to 2000 do begin
	    tv := tv + 1; s := IntToStr(i * id);
	    cs.Enter; total := total + length(s) + tv mod 3; cs.Leave;
	    if i mod 500 = 0 then sleep(1);
	    if i mod 300 = 0 then ThreadSwitch;
	  end;
	end;
	type TE = class(TThread) procedure Execute; override; end;
	procedure TE.Execute; var p: plongint; begin try p := nil; writeln(p^); except on e: Exception do writeln('caught ', e.ClassName); end; try raise Exception.Create('x'); except on e: Exception do writeln('caught2 ', e.message); end; end;
	var w: array[1..40] of TW; i: integer; e: TE; rw: TMultiReadExclusiveWriteSynchronizer;
	begin
	  cs := TCriticalSection.Create; ev := TEvent.Create(nil, true, false, '');
	  for i := 1 to 40 do begin w[i] := TW.Create(true, i*65536); w[i].id := i; w[i].Start; end;
	  while started < 40 do sleep(1);
	  ev.SetEvent;
	  for i := 1 to 40 do begin w[i].WaitFor; w[i].Free; end;
	  writeln(total);
	  e := TE.Create(false); e.WaitFor; e.Free;
	  rw := TMultiReadExclusiveWriteSynchronizer.Create; rw.BeginRead; rw.EndRead; rw.BeginWrite; rw.EndWrite; rw.Free;
	  writeln(ExecuteProcess('/bin/echo', ['sub']));
	end.
	END
	(cd "$dir" && timeout 60 fpc -O2 t.pas >/dev/null 2>&1)
	batch "$dir/t"
}
