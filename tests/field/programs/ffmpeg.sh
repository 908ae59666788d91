# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=ffmpeg
title="ffmpeg -threads 4" threads="coders, filters"
version() { ffmpeg -version | head -n 1 | cut -d ' ' -f 1-3; }
run()
{
	batch ffmpeg -v error -nostdin -f lavfi -i testsrc=duration=4:size=640x360:rate=25 -threads 4 \
		-c:v mpeg4 -q:v 5 -bitexact -y "$dir/a.avi"
	md5sum <"$dir/a.avi"
	batch ffmpeg -v error -nostdin -threads 4 -i "$dir/a.avi" -filter_threads 4 -vf scale=320:180 \
		-c:v ffv1 -threads 4 -slices 4 -level 3 -bitexact -y "$dir/b.mkv"
	batch ffmpeg -v error -nostdin -i "$dir/b.mkv" -f md5 -
	batch ffmpeg -v error -nostdin -f lavfi -i testsrc=duration=3:size=320x240:rate=25 -threads 4 \
		-c:v libx264 -preset fast -bitexact -y "$dir/c.mp4"
	batch ffmpeg -v error -nostdin -i "$dir/c.mp4" -f framemd5 - | tail -n 1
}
