#!/usr/bin/python3
"""Trains a text classifier from nothing: an LSTM or a small BERT, with a WordPiece vocabulary.

usage: examples/text_classify.py DATA.tsv --vocab vocab.txt [--model lstm|bert] [--label 0] [--text 1] [--header]
                                 [--test FILE.tsv] [--epochs 8] [--width 128] [--layers 4] [--seed 0]

DATA.tsv: a label and a text a line. Without --test every 5th line is held out. Prints the accuracy on what was held
out after each epoch; the same seed gives the same numbers.
"""
import argparse
import time

import numpy as np

import athanor as ath
from athanor import nn


def rows(path, label, text, header):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")[1 if header else 0:]
    parts = [line.split("\t") for line in lines if line.strip()]
    return [p[text] for p in parts], [p[label].strip() for p in parts]


def batches(lengths, size, seed):
    """Examples of like lengths together, in an order that is a function of the seed."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(lengths))
    groups = [sorted(order[i:i + 16 * size], key=lambda k: lengths[k]) for i in range(0, len(order), 16 * size)]
    out = [group[i:i + size] for group in groups for i in range(0, len(group), size)]
    return [out[i] for i in random.permutation(len(out))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--vocab", required=True)
    parser.add_argument("--model", choices=("lstm", "bert"), default="lstm")
    parser.add_argument("--test")
    parser.add_argument("--label", type=int, default=0)
    parser.add_argument("--text", type=int, default=1)
    parser.add_argument("--header", action="store_true")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    texts, labels = rows(args.data, args.label, args.text, args.header)
    if args.test:
        test_texts, test_labels = rows(args.test, args.label, args.text, args.header)
    else:
        test_texts, test_labels = texts[4::5], labels[4::5]
        keep = [i for i in range(len(texts)) if i % 5 != 4]
        texts, labels = [texts[i] for i in keep], [labels[i] for i in keep]
    names = sorted(set(labels))
    number = {name: i for i, name in enumerate(names)}
    tokenizer = ath.text.WordPiece(args.vocab)

    # Only the tokens that occur in training get a vector; the others share the unknown one.
    encoded = [tokenizer.encode(t)[:args.max_length] or [0] for t in texts]
    known = {t: i + 2 for i, t in enumerate(sorted({t for e in encoded for t in e}))}
    compact = lambda tokens: [known.get(t, 1) for t in tokens]  # noqa: E731
    train = [compact(e) for e in encoded]
    test = [compact(tokenizer.encode(t)[:args.max_length] or [0]) for t in test_texts]
    print(f"{len(train)} texts, {len(test)} held out, {len(names)} classes, {len(known)} tokens", flush=True)

    if args.model == "lstm":
        model = ath.models.lstm_classifier(vocabulary=len(known) + 2, width=args.width, hidden=args.width,
                                           labels=len(names), dropout=0.4, seed=args.seed)
    else:
        model = ath.models.bert(vocabulary=len(known) + 2, width=args.width, layers=args.layers, heads=4,
                                hidden=4 * args.width, positions=args.max_length, labels=len(names), seed=args.seed)

    def run(items):
        width = max(len(i) for i in items)
        ids = np.zeros((len(items), width), np.int64)
        for row, item in enumerate(items):
            ids[row, :len(item)] = item
        lengths = np.array([len(i) for i in items])
        if args.model == "lstm":
            return model(ath.tensor(ids), ath.tensor(lengths))
        return model(ath.tensor(ids), mask=ath.tensor((np.arange(width) < lengths[:, None]).astype(np.int64)))

    rate = 2e-3 if args.model == "lstm" else 5e-4
    optimizer = ath.optim.AdamW(model.named_parameters(), lr=rate, weight_decay=0.05)
    lengths = [len(t) for t in train]
    steps = args.epochs * -(-len(train) // args.batch)
    schedule = ath.optim.Schedule("cosine", base=rate, total_steps=steps, warmup_steps=steps // 10)
    step, start = 0, time.perf_counter()
    for epoch in range(args.epochs):
        model.train()
        for batch in batches(lengths, args.batch, (args.seed, epoch)):
            optimizer.lr = schedule(step)
            with ath.random_scope(args.seed, step):
                loss = nn.functional.cross_entropy(run([train[i] for i in batch]),
                                                   ath.tensor([number[labels[i]] for i in batch]), label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.clip_grad_norm(1.0)
            optimizer.step()
            step += 1
        model.eval()
        right = 0
        with ath.no_grad():
            for i in range(0, len(test), 64):
                found = run(test[i:i + 64]).argmax(1).tolist()
                right += sum(names[f] == t for f, t in zip(found, test_labels[i:i + 64]))
        print(f"epoch {epoch + 1}: accuracy {100 * right / len(test):.2f} % of {len(test)}, "
              f"{time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
