# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=ghc
title="Haskell, -threaded -N4" threads="four capabilities, foreign calls, timers"
version() { ghc --version; }
run()
{
	cat >"$dir/Main.hs" <<-'HS'
	import Control.Concurrent
	import Control.Monad
	foreign import ccall safe "unistd.h usleep" c_usleep :: Int -> IO Int
	main :: IO ()
	main = do
	  total <- newMVar (0 :: Int)
	  done <- forM [1 .. 200] $ \i -> do
	    v <- newEmptyMVar
	    _ <- (if even i then forkOS else forkIO) $ do
	      forM_ [1 .. 50] $ \k -> do
	        _ <- c_usleep 100
	        when (k `mod` 10 == 0) (threadDelay 200)
	        modifyMVar_ total (\t -> return $! t + length (show [1 .. i + k]))
	      putMVar v ()
	    return v
	  mapM_ takeMVar done
	  takeMVar total >>= print
	HS
	(cd "$dir" && timeout 100 ghc -v0 -threaded -rtsopts -O1 Main.hs -o main)
	batch "$dir/main" +RTS -N4
}
