#!/usr/bin/env bash
# Makes the video of the benches from shared footage: 20 s of 1280x720 at 30 frames/s as an IP camera would send it
# (H.264 High, no B-frames, a key frame every 2 s, 4 Mbit/s). usage: scripts/make_720p.sh [OUT]
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-target/bench/720p.mp4}
data=${OCELLUS_DATA:-../shared/data}
footage=$data/video/one-by-one-person-detection.mp4
[ -f "$footage" ] || {
    echo "bench: no footage at $footage: set OCELLUS_DATA to the folder of shared data" >&2
    exit 1
}
command -v ffmpeg >/dev/null || scripts/setup/system.sh ffmpeg
mkdir -p "$(dirname "$out")"
# The footage has 10 frames/s: three times its speed. A little noise in time, because a sensor has it, and without it
# an enlarged picture would be too easy to decode.
ffmpeg -hide_banner -loglevel error -y -ss 5 -i "$footage" -an \
    -vf 'setpts=PTS/3,fps=30,scale=1280:720:flags=bicubic,noise=alls=6:allf=t' -frames:v 600 \
    -c:v libx264 -profile:v high -preset medium -bf 0 -g 60 -b:v 4M -maxrate 4M -bufsize 4M -pix_fmt yuv420p \
    -movflags +faststart "$out.part.mp4"
mv "$out.part.mp4" "$out"
