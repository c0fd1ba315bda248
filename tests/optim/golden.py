#!/usr/bin/env python3
"""Writes golden.inc: ten steps of PyTorch's optimisers on fixed gradients, as C++ numbers.

usage: golden.py > golden.inc    (needs PyTorch)
The gradient of step t for element i of parameter k is sin(1 + 3 t + 0.7 i + k), the start is
cos(0.3 i + k): a closed form that the test repeats.
"""
import math

import torch

SHAPES = [(2, 3), (5,)]
CASES = [
    ("sgd", lambda p: torch.optim.SGD(p, lr=0.1)),
    ("sgd_decay", lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01)),
    ("sgd_momentum", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)),
    ("sgd_nesterov", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)),
    ("adam", lambda p: torch.optim.Adam(p, lr=0.05)),
    ("adam_decay", lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1)),
    ("adamw", lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1)),
    ("rmsprop", lambda p: torch.optim.RMSprop(p, lr=0.05)),
    ("rmsprop_all", lambda p: torch.optim.RMSprop(p, lr=0.05, alpha=0.9, eps=1e-4, weight_decay=0.1, momentum=0.8,
                                                  centered=True)),
    ("adagrad", lambda p: torch.optim.Adagrad(p, lr=0.05)),
    ("adagrad_all", lambda p: torch.optim.Adagrad(p, lr=0.05, lr_decay=0.1, weight_decay=0.1,
                                                  initial_accumulator_value=0.3, eps=1e-5)),
    # The second parameter gets no gradient in steps 3 to 5.
    ("adamw_gap", lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1)),
    ("sgd_gap", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)),
]

print("// Written by golden.py with PyTorch", torch.__version__ + ".")
for name, make in CASES:
    parameters = []
    for k, shape in enumerate(SHAPES):
        n = math.prod(shape)
        values = [math.cos(0.3 * i + k) for i in range(n)]
        parameters.append(torch.nn.Parameter(torch.tensor(values, dtype=torch.float32).reshape(shape)))
    optimizer = make(parameters)
    for t in range(10):
        for k, p in enumerate(parameters):
            n = p.numel()
            g = [math.sin(1 + 3 * t + 0.7 * i + k) for i in range(n)]
            gap = name.endswith("_gap") and k == 1 and 3 <= t <= 5
            p.grad = None if gap else torch.tensor(g, dtype=torch.float32).reshape(p.shape)
        optimizer.step()
    numbers = [x for p in parameters for x in p.detach().flatten().tolist()]
    print('{"%s", {%s}},' % (name, ", ".join("%.9g" % x for x in numbers)))
