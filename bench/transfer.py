#!/usr/bin/env python3
"""Does starting from CIFAR-10 weights beat starting from random numbers? Trains the same network on a few pictures of hand
gestures, from both, for the same number of epochs, with several seeds, and prints a table.

usage: bench/transfer.py ATHANOR_BINARY [PICTURES_PER_CLASS [EPOCHS]]

The data are those of ATHANOR_TEST_DATA (default ../shared/data): image/hand-gestures.tar.gz, weights/cifar10-resnet*.th.
"""
import json, os, pathlib, shutil, statistics, subprocess, sys, tarfile, tempfile

binary = sys.argv[1]
per_class = int(sys.argv[2]) if len(sys.argv) > 2 else 15
epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 15
data = pathlib.Path(os.environ.get("ATHANOR_TEST_DATA", "../shared/data")).resolve()
archive = data / "image/hand-gestures.tar.gz"
if not archive.exists():
    sys.exit(f"{archive} is not there: set ATHANOR_TEST_DATA")

work = pathlib.Path(tempfile.mkdtemp(prefix="athanor-transfer-"))
try:
    with tarfile.open(archive) as tar:
        tar.extractall(work, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(work)
    root = next(p for p in work.rglob("train") if p.is_dir()).parent
    for folder in sorted((root / "train").iterdir()):
        pictures = sorted(folder.iterdir())
        # Every n-th: the pictures are frames of videos.
        kept = {pictures[i * len(pictures) // per_class] for i in range(per_class)}
        for p in pictures:
            if p not in kept:
                p.unlink()
    environment = dict(os.environ, ATHANOR_HOME=str(work / "home"))
    print(f"hand gestures, {per_class} training pictures a class, 200 test pictures, 32x32, {epochs} epochs, seeds 0 to 2")
    print(f"{'network':16} {'start':10} {'test accuracy, %':28} median")
    for depth, name in ((20, "cifar10-resnet20-12fca82f.th"), (56, "cifar10-resnet56-4bfd9763.th")):
        medians = {}
        for start, arguments in (("CIFAR-10", ["--weights", str(data / "weights" / name)]),
                                 ("scratch", ["--weights", "none", "--model", f"cifar_resnet{depth}"])):
            found = []
            for seed in range(3):
                done = subprocess.run(
                    [binary, "fit", str(root), "--split", "given", "--epochs", str(epochs), "--seed", str(seed), "--json",
                     "--out", str(work / "m.zip")] + arguments,
                    env=environment, capture_output=True, text=True)
                if done.returncode != 0:
                    sys.exit(done.stderr)
                found.append(100 * json.loads(done.stdout)["test"]["accuracy"])
            medians[start] = statistics.median(found)
            print(f"resnet{depth:<10} {start:10} {' '.join(f'{v:5.1f}' for v in found):28} {medians[start]:.1f}", flush=True)
        if medians["CIFAR-10"] <= medians["scratch"]:
            sys.exit(f"resnet{depth}: starting from CIFAR-10 is not better")
finally:
    shutil.rmtree(work, ignore_errors=True)
