# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good libvips-tools webp x265"
title="gst-launch, vips, cwebp -mt, x265" threads="pipelines, pools, one per row of blocks"
version() { echo "as in the distribution"; }
run()
{
	HOME=$dir batch gst-launch-1.0 -q videotestsrc num-buffers=100 ! video/x-raw,width=320,height=240 ! \
		queue ! videoconvert n-threads=4 ! queue ! jpegenc ! queue ! filesink "location=$dir/a.mjpg"
	md5sum <"$dir/a.mjpg"
	vips gaussnoise "$dir/noise.v" 1200 900 --seed 7
	batch vips gaussblur "$dir/noise.v" "$dir/b.v" 8 --vips-concurrency=4
	batch vips avg "$dir/b.v" --vips-concurrency=4
	vips cast "$dir/noise.v" "$dir/c.png" uchar
	batch cwebp -quiet -mt -m 4 "$dir/c.png" -o "$dir/c.webp"
	md5sum <"$dir/c.webp"
	big_file 7 "$dir/raw"
	head -c 6912000 "$dir/raw" >"$dir/raw.yuv"
	batch x265 --log-level none --no-progress --input-res 320x240 --fps 25 --pools 4 -F 3 --preset fast \
		"$dir/raw.yuv" -o "$dir/d.hevc"
	md5sum <"$dir/d.hevc"
}
