# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=imagemagick
title="convert, OpenMP" threads="loops, by libgomp, which spins"
version() { convert -version | head -n 1 | cut -d ' ' -f 2-3; }
run()
{
	export OMP_NUM_THREADS=4 MAGICK_THREAD_LIMIT=4
	batch convert -size 600x400 plasma:fractal -seed 7 -blur 0x5 "$dir/ignored.png"
	batch convert -size 900x600 gradient:red-blue -swirl 120 -blur 0x6 -sharpen 0x2 -resize 70% "$dir/a.ppm"
	md5sum <"$dir/a.ppm"
	batch convert "$dir/a.ppm" -rotate 33 -emboss 2 -modulate 110,80,60 "$dir/b.ppm"
	md5sum <"$dir/b.ppm"
	unset OMP_NUM_THREADS MAGICK_THREAD_LIMIT
}
