#!/usr/bin/python3
"""JPEG decode + resize to 224x224 on one core: athanor beside OpenCV, on the same files, by turns.

jpeg_load.py PROGRAM [--turns N] [--seconds S]     PROGRAM is build/release/bin/bench_jpeg_load

The pictures are made here: 32 of 500x375, quality 90, 4:2:0. First both sides' pixels are compared, then
each is timed N times by turns; the ratio is that of the medians of
pictures per second of processor time, so that other programs on the machine disturb little. Prints JSON lines.
"""
import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("--turns", type=int, default=5)
parser.add_argument("--seconds", type=float, default=1.0)
options = parser.parse_args()
cv2.setNumThreads(1)


def make_pictures():
    rng = np.random.default_rng(0)
    for _ in range(32):
        low = rng.random((24, 32, 3), dtype=np.float32) * 255
        mid = rng.normal(0, 18, (94, 125, 3)).astype(np.float32)
        x = cv2.resize(low, (500, 375), interpolation=cv2.INTER_CUBIC) + cv2.resize(mid, (500, 375)) + rng.normal(0, 6, (375, 500, 3))
        yield cv2.imencode(".jpg", np.clip(x, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def decode(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def decode_resize(data):
    return cv2.resize(decode(data), (224, 224), interpolation=cv2.INTER_LINEAR)


MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
SCALE = 1 / (np.array([0.229, 0.224, 0.225], np.float32) * 255)


def decode_resize_normalize(data):
    x = cv2.cvtColor(decode_resize(data), cv2.COLOR_BGR2RGB)
    return (x.astype(np.float32) - MEAN) * SCALE


# our way: OpenCV's way to the same end
WAYS = {
    "jpeg_decode": decode,
    "jpeg_decode_resize224_bilinear": decode_resize,
    "jpeg_decode_resize224_antialias": decode_resize,
    "jpeg_decode_resize224": decode_resize,
    "jpeg_decode_resize224_normalize": decode_resize_normalize,
}


def run(*arguments):
    text = subprocess.run([options.program, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
    return {line["workload"]: line["images_per_s"] for line in map(json.loads, text.splitlines())}


def rate(function, pictures):
    times = []
    while len(times) < 3 or sum(times) < options.seconds:
        begin = time.thread_time()
        for data in pictures:
            function(data)
        times.append(time.thread_time() - begin)
    return len(pictures) / statistics.median(times)


with tempfile.TemporaryDirectory() as folder:
    files = Path(folder) / "files"
    pixels = Path(folder) / "pixels"
    files.mkdir()
    pixels.mkdir()
    pictures = list(make_pictures())
    for i, data in enumerate(pictures):
        (files / f"{i:02d}.jpg").write_bytes(data)

    run(files, "--seconds", 0, "--write", pixels)

    def ours_of(way, i, shape):
        return np.fromfile(pixels / f"{i}-{way}.raw", np.uint8).reshape(shape).astype(int)

    def compare(check, pairs, most, mean):
        off = [np.abs(a - b) for a, b in pairs]
        worst, average = max(int(d.max()) for d in off), float(np.mean([d.mean() for d in off]))
        print(json.dumps({"check": check, "largest": worst, "allowed": most, "mean": round(average, 3), "allowed_mean": mean}))
        if worst > most or average > mean:
            raise SystemExit("the pictures differ: no time means anything")

    small, large = (224, 224, 3), (375, 500, 3)
    everyone = list(enumerate(pictures))
    compare("decode = OpenCV's", [(ours_of("decode", i, large), decode(d)[:, :, ::-1]) for i, d in everyone], 1, 0.1)
    compare("bilinear = OpenCV's", [(ours_of("decode_resize224_bilinear", i, small), decode_resize(d)[:, :, ::-1]) for i, d in everyone], 2, 0.5)
    # Pillow's filter is ours; only the order of scaling and colours differs.
    pillow = [np.asarray(Image.fromarray(decode(d)[:, :, ::-1]).resize((224, 224), Image.BILINEAR)) for d in pictures]
    compare("antialias = Pillow's", [(ours_of("decode_resize224_antialias", i, small), p) for i, p in enumerate(pillow)], 1, 0.2)
    compare("planes first = Pillow's", [(ours_of("decode_resize224", i, small), p) for i, p in enumerate(pillow)], 24, 1.5)

    ours, theirs = {w: [] for w in WAYS}, {w: [] for w in WAYS}
    for _ in range(options.turns):
        for way, value in run(files, "--seconds", options.seconds).items():
            ours[way].append(value)
        for way, function in WAYS.items():
            theirs[way].append(rate(function, pictures))
    for way in WAYS:
        a, b = statistics.median(ours[way]), statistics.median(theirs[way])
        print(json.dumps({"workload": way, "athanor_images_per_s": round(a, 1), "opencv_images_per_s": round(b, 1), "ratio": round(a / b, 3), "opencv": cv2.__version__, "turns": options.turns}))
