#!/usr/bin/env python3
"""A GPT that learns to write, one character after the other.

usage: gpt.py TEXT_FILE [--preset small|large] [--minutes M] [--seed N] [--out FOLDER] [--sample N]

small: 4 layers of 128 (0.8 M parameters), windows of 64 characters; large: 6 layers of 384 (10.7 M), windows of 256.
The last tenth of the text is held out. When the time is over (or after Ctrl-C) the loss on all of it is printed, weights are
saved and a sample is written. The same seed and the same number of steps give the same model, bit for bit.
"""
import argparse
import json
import math
import pathlib
import time

import numpy as np

import athanor as ath
from athanor import nn
from athanor.nn import functional as F

PRESETS = {
    "small": dict(layers=4, heads=4, width=128, window=64, batch=32, dropout=0.0, lr=2e-3),
    "large": dict(layers=6, heads=6, width=384, window=256, batch=16, dropout=0.2, lr=1e-3),
}


class Block(nn.Module):
    """Attention over the characters before, then a feed-forward net; each reads a normalised copy and adds to it."""

    def __init__(self, width, heads, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, dropout)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = x + self.dropout(self.attention(self.norm1(x), is_causal=True))
        return x + self.dropout(self.down(self.up(self.norm2(x)).gelu()))


class GPT(nn.Module):
    """The decoder of Radford et al. 2019: input and output share one table."""

    def __init__(self, vocabulary, layers, heads, width, window, dropout):
        super().__init__()
        self.window = window
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(window, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([Block(width, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def initialize(self, seed):
        super().initialize(seed)
        for name, p in self.named_parameters():
            if p.ndim == 2:  # N(0, 0.02), less where layers add up
                std = 0.02 / math.sqrt(2 * len(self.blocks)) if "down" in name or "out_proj" in name else 0.02
                nn.init.normal_(p, 0.0, std, seed, name)
            elif name.endswith("bias"):
                nn.init.zeros_(p)
        return self

    def forward(self, tokens):
        x = self.dropout(self.tokens(tokens) + self.positions.weight[:tokens.shape[1]])
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


def loss_of(model, windows):
    """The mean loss of predicting each character of the windows from those before it."""
    logits = model(ath.from_numpy(windows[:, :-1].copy()))
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), ath.from_numpy(windows[:, 1:].reshape(-1).copy()))


def held_out_loss(model, tokens, batch=32):
    """The loss over the whole held-out text, in windows one behind the other."""
    size = model.window
    count = (len(tokens) - 1) // size
    windows = np.stack([tokens[i * size:(i + 1) * size + 1] for i in range(count)])
    model.eval()
    with ath.no_grad():
        losses = [(loss_of(model, windows[i:i + batch]).item(), len(windows[i:i + batch])) for i in range(0, count, batch)]
    model.train()
    return sum(value * n for value, n in losses) / count


def write(model, start, count, seed, temperature=0.8):
    """`count` characters behind `start`, drawn from what the model expects."""
    tokens, random = list(start), np.random.default_rng(seed)
    model.eval()
    with ath.no_grad():
        for _ in range(count):
            logits = model(ath.tensor([tokens[-model.window:]]))[0, -1] / temperature
            tokens.append(int(random.choice(logits.shape[0], p=logits.softmax().double().numpy() /
                                            logits.softmax().double().sum().item())))
    return tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--steps", type=int, default=0, help="exactly so many steps, whatever the time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("gpt"))
    parser.add_argument("--sample", type=int, default=500, help="characters to write at the end")
    options = parser.parse_args()

    text = options.text.read_text(encoding="utf-8")
    letters = sorted(set(text))
    index = {c: i for i, c in enumerate(letters)}
    tokens = np.array([index[c] for c in text], np.int64)
    training, held_out = np.split(tokens, [len(tokens) * 9 // 10])
    preset = dict(PRESETS[options.preset])
    lr, batch = preset.pop("lr"), preset.pop("batch")
    model = GPT(len(letters), **preset).initialize(options.seed)
    decayed = [p for p in model.named_parameters() if p[1].ndim == 2]
    others = [p for p in model.named_parameters() if p[1].ndim != 2]
    optimizer = ath.optim.AdamW([{"params": decayed}, {"params": others, "weight_decay": 0.0}], lr=lr,
                                betas=(0.9, 0.99), weight_decay=0.1)
    print(f"{len(letters)} letters, {len(training)} to train, {len(held_out)} held out, "
          f"{sum(p.size for p in model.parameters()):,} parameters", flush=True)

    start, step, smooth = time.monotonic(), 0, None
    try:
        while True:
            # The share of the work that is done decides the learning rate: up for 2 %, then half a cosine.
            done = step / options.steps if options.steps else (time.monotonic() - start) / (60 * options.minutes)
            if done >= 1:
                break
            optimizer.lr = lr * (done / 0.02 if done < 0.02 else 0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2) + 1e-6
            places = np.random.default_rng((options.seed, step)).integers(0, len(training) - model.window - 1, batch)
            with ath.random_scope(options.seed, step):
                loss = loss_of(model, np.stack([training[i:i + model.window + 1] for i in places]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.clip_grad_norm(1.0)
            optimizer.step()
            step += 1
            smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
            if step % 200 == 0:
                print(f"step {step}  loss {smooth:.3f}  {1000 * (time.monotonic() - start) / step:.0f} ms a step  "
                      f"{100 * min(done, 1):.0f} %", flush=True)
    except KeyboardInterrupt:
        print("stopped", flush=True)
    seconds = time.monotonic() - start
    value = held_out_loss(model, held_out)
    options.out.mkdir(parents=True, exist_ok=True)
    ath.save(options.out / "model.safetensors", model.state_dict(), {"letters": "".join(letters)})
    print(json.dumps({"steps": step, "seconds": round(seconds, 1), "held_out_loss": round(value, 4),
                      "parameters": sum(p.size for p in model.parameters())}), flush=True)
    if options.sample:
        print("".join(letters[t] for t in write(model, [index["\n"] if "\n" in index else 0], options.sample, options.seed)))


if __name__ == "__main__":
    main()
