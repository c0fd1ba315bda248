#!/usr/bin/python3
"""A vision transformer (ViT-Tiny: 12 layers of 192) that learns handwritten digits from nothing.

usage: examples/vit_digits.py IMAGES.gz LABELS.gz [--train 8000] [--epochs 10] [--patch 7] [--layers 12] [--seed 0]

IDX files of MNIST; the first --train pictures are learned from, the others held out. Pictures are moved by up to two
pixels and turned a little in training. The same seed gives the same numbers.
"""
import argparse
import gzip
import time

import numpy as np

import athanor as ath
from athanor import nn


def idx(path):
    """The array in a gzipped IDX file."""
    with gzip.open(path) as file:
        data = file.read()
    axes = data[3]
    shape = tuple(int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(axes))
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def moved(x, random):
    """Each picture turned by up to 10 degrees, scaled by up to 10 % and moved by up to 2 pixels."""
    count = x.shape[0]
    angle, scale = random.uniform(-0.17, 0.17, count), random.uniform(0.9, 1.1, count)
    shift = random.uniform(-0.15, 0.15, (count, 2))
    theta = np.stack([np.stack([np.cos(angle) * scale, -np.sin(angle) * scale, shift[:, 0]], 1),
                      np.stack([np.sin(angle) * scale, np.cos(angle) * scale, shift[:, 1]], 1)], 1)
    grid = nn.functional.affine_grid(ath.tensor(theta.astype(np.float32)), tuple(x.shape))
    return nn.functional.grid_sample(x, grid)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images")
    parser.add_argument("labels")
    parser.add_argument("--train", type=int, default=8000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--patch", type=int, default=7)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    images = (idx(args.images).astype(np.float32) / 255 - 0.13)[:, None] / 0.31
    labels = idx(args.labels).astype(np.int64)
    model = ath.models.vit(image=28, patch=args.patch, channels=1, layers=args.layers, classes=10, seed=args.seed)
    print(model, flush=True)
    optimizer = ath.optim.AdamW(model.named_parameters(), lr=1e-3, weight_decay=0.05)
    steps = args.epochs * -(-args.train // args.batch)
    schedule = ath.optim.Schedule("cosine", base=1e-3, total_steps=steps, warmup_steps=steps // 10)
    step, start = 0, time.perf_counter()
    for epoch in range(args.epochs):
        model.train()
        random = np.random.default_rng((args.seed, epoch))
        order = random.permutation(args.train)
        for i in range(0, args.train, args.batch):
            pick = order[i:i + args.batch]
            x = moved(ath.tensor(images[pick]), random)
            optimizer.lr = schedule(step)
            with ath.random_scope(args.seed, step):
                loss = nn.functional.cross_entropy(model(x), ath.tensor(labels[pick]), label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.clip_grad_norm(1.0)
            optimizer.step()
            step += 1
        model.eval()
        right = 0
        with ath.no_grad():
            for i in range(args.train, len(images), 256):
                right += int((model(ath.tensor(images[i:i + 256])).argmax(1).numpy() == labels[i:i + 256]).sum())
        print(f"epoch {epoch + 1}: accuracy {100 * right / (len(images) - args.train):.2f} % of "
              f"{len(images) - args.train}, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
