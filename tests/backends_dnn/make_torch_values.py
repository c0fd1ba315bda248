#!/usr/bin/env python3
"""Writes torch_values.txt: what PyTorch computes in float64 for the calls of torch_test.cpp.

usage: make_torch_values.py > torch_values.txt
"""
import torch
import torch.nn.functional as F


def wave(shape, seed):
    count = 1
    for d in shape:
        count *= d
    values = torch.sin(0.7 * torch.arange(count, dtype=torch.float64) + seed)
    return values.reshape(shape).float().double()


def leaf(shape, seed):
    return wave(shape, seed).requires_grad_()


def show(name, t):
    print(name, *(f"{v:.9g}" for v in t.detach().flatten().tolist()))


def run(name, y, **leaves):
    y.backward(wave(tuple(y.shape), 0.4))
    show(name + ".y", y)
    for k, t in leaves.items():
        show(f"{name}.{k}", t.grad)


x, w, b = leaf((2, 4, 9, 8), 0.1), leaf((6, 2, 3, 3), 0.2), leaf((6,), 0.3)
run("conv", F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2), 2), dx=x, dw=w, db=b)
x, w, b = leaf((3, 5, 4, 4), 0.1), leaf((5,), 1.2), leaf((5,), 0.3)
run("norm", F.relu6(F.batch_norm(x, None, None, w, b, True, 0.1, 1e-3)), dx=x, dw=w, db=b)
x = leaf((2, 3, 7, 8), 0.1)
run("max", F.max_pool2d(x, 3, 2, 1), dx=x)
x = leaf((2, 3, 7, 8), 0.1)
run("avg", F.avg_pool2d(x, (3, 2), 2, 1, count_include_pad=False), dx=x)
x = leaf((2, 3, 7, 8), 0.1)
run("adaptive", F.adaptive_avg_pool2d(x, (3, 5)), dx=x)
a, b = leaf((2, 1, 3, 4), 0.1), leaf((5, 4, 2), 0.2)
run("matmul", a @ b, da=a, db=b)
