#!/usr/bin/python3
"""The ops that networks of pictures spend their time in: athanor beside PyTorch, by turns, each in processes of
its own.

dnn_ops.py PROGRAM [--turns N] [--seconds S] [--threads N] [WORKLOAD...]   PROGRAM is build/release/bin/bench_dnn_ops

PyTorch runs in the environment in which Debian's build is fastest (see turns.py). Prints one JSON line per workload:
the medians over the turns in milliseconds, the ratio torch / athanor (above 1: athanor is faster), and the time in which
the processor could do the multiplications and the memory move the numbers (bench/limits.cpp), as a part of ours.
"""
import json
import statistics

import turns


def run_torch(seconds, wanted, threads):
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    def bench(workload, f, multiplications, *tensors):
        if wanted and workload not in wanted:
            return
        print(json.dumps({"workload": workload, "gflop": 2e-9 * multiplications,
                          "megabytes": 4e-6 * sum(t.numel() for t in tensors)} | turns.measure(f, seconds)), flush=True)

    last = torch.channels_last

    def picture(*shape):
        return torch.randn(*shape).contiguous(memory_format=last)

    def convolution(name, shape, weight, stride, padding, groups):
        x, w = picture(*shape), torch.randn(*weight).contiguous(memory_format=last)
        y = F.conv2d(x, w, None, stride, padding, 1, groups)
        g = picture(*y.shape)
        work = y.numel() * w[0].numel()
        bench(name, lambda: F.conv2d(x, w, None, stride, padding, 1, groups), work, x, w, y)
        back = lambda which: torch.ops.aten.convolution_backward(
            g, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, which)
        bench(name + "_input_grad", lambda: back([True, False, False]), work, x, w, y)
        bench(name + "_weight_grad", lambda: back([False, True, False]), work, x, w, y)

    def normalisation(name, shape, activation):
        x, g = picture(*shape), picture(*shape)
        w, b = torch.ones(shape[1]), torch.zeros(shape[1])
        act = (lambda t: t) if activation == "none" else F.relu6
        bench(name, lambda: act(F.batch_norm(x, None, None, w, b, True)), 0, x, x)
        y, mean, inverse = torch.native_batch_norm(x, w, b, None, None, True, 0.1, 1e-5)

        def grad():
            h = g if activation == "none" else torch.ops.aten.hardtanh_backward(g, y, 0, 6)
            return torch.ops.aten.native_batch_norm_backward(h, x, w, None, None, mean, inverse, True, 1e-5, [True] * 3)

        bench(name + "_grad", grad, 0, x, g, x)

    def maxpool(name, shape, kernel, padding):
        x = picture(*shape)
        y, index = torch.ops.aten.max_pool2d_with_indices(x, [kernel] * 2, [2, 2], [padding] * 2)
        g = picture(*y.shape)
        bench(name, lambda: F.max_pool2d(x, kernel, 2, padding), 0, x, y)
        bench(name + "_grad", lambda: torch.ops.aten.max_pool2d_with_indices_backward(
            g, x, [kernel] * 2, [2, 2], [padding] * 2, [1, 1], False, index), 0, x, g, x)

    def layer_normalisation(rows, width):
        x, g, w, b = torch.randn(rows, width), torch.randn(rows, width), torch.ones(width), torch.zeros(width)
        bench(f"layernorm_{rows}x{width}", lambda: F.layer_norm(x, (width,), w, b), 0, x, x)
        _, mean, scale = torch.native_layer_norm(x, (width,), w, b, 1e-5)
        bench(f"layernorm_{rows}x{width}_grad", lambda: torch.ops.aten.native_layer_norm_backward(
            g, x, [width], mean, scale, w, b, [True] * 3), 0, x, g, x)

    def attention(name, shape, causal):
        q, k, v, g = (torch.randn(*shape) for _ in range(4))
        t, d = shape[2:]
        with torch.inference_mode(False):
            hidden = torch.ones(t, t).tril().logical_not() if causal else None

        def run(q, k, v):
            s = (q @ k.transpose(-2, -1)) * d ** -0.5
            return torch.softmax(s.masked_fill(hidden, -torch.inf) if causal else s, -1) @ v

        work = shape[0] * shape[1] * t * t * d * (1 if causal else 2)
        bench(name, lambda: run(q, k, v), work, q, k, v, q)
        with torch.inference_mode(False), torch.enable_grad():
            leaves = [torch.randn(*shape, requires_grad=True) for _ in range(3)]
            y, g = run(*leaves), torch.randn(*shape)
            bench(name + "_grad", lambda: torch.autograd.grad(y, leaves, g, retain_graph=True), work * 5 / 2,
                  q, k, v, q, g, q, k, v)

    with torch.inference_mode():
        for n in (4, 64, 128, 256, 512, 1024):
            a, b = torch.randn(n, n), torch.randn(n, n)
            bench(f"sgemm_{n}", lambda: a @ b, n**3, a, a, b)
        row, wide = torch.randn(1, 768), torch.randn(768, 3072)
        bench("gemv_768x3072", lambda: row @ wide, wide.numel(), wide)
        left, right = torch.randn(96, 128, 64), torch.randn(96, 64, 128)
        bench("bmm_96x128x64x128", lambda: left @ right, 96 * 128 * 64 * 128, left, right)
        rows, weight, bias = torch.randn(128, 784), torch.randn(512, 784), torch.randn(512)
        bench("linear_128x784x512", lambda: F.linear(rows, weight, bias), 128 * 784 * 512, rows, weight)
        convolution("conv7x7_3_64_224", (16, 3, 224, 224), (64, 3, 7, 7), 2, 3, 1)
        convolution("conv3x3_1_32_28", (128, 1, 28, 28), (32, 1, 3, 3), 1, 0, 1)
        convolution("conv3x3_3_32_224", (16, 3, 224, 224), (32, 3, 3, 3), 2, 1, 1)
        convolution("conv3x3_64_56", (16, 64, 56, 56), (64, 64, 3, 3), 1, 1, 1)
        convolution("conv1x1_256_64_56", (16, 256, 56, 56), (64, 256, 1, 1), 1, 0, 1)
        convolution("conv3x3_512_7", (16, 512, 7, 7), (512, 512, 3, 3), 1, 1, 1)
        convolution("conv1x1_24_144_56", (16, 24, 56, 56), (144, 24, 1, 1), 1, 0, 1)
        convolution("depthwise_144_56", (16, 144, 56, 56), (144, 1, 3, 3), 1, 1, 144)
        convolution("depthwise_96_112_stride2", (16, 96, 112, 112), (96, 1, 3, 3), 2, 1, 96)
        convolution("depthwise_384_14", (16, 384, 14, 14), (384, 1, 3, 3), 1, 1, 384)
        normalisation("batchnorm_64_56", (16, 64, 56, 56), "none")
        normalisation("batchnorm_relu6_96_112", (16, 96, 112, 112), "relu6")
        normalisation("batchnorm_relu6_384_14", (16, 384, 14, 14), "relu6")
        maxpool("maxpool3x3_64_112", (16, 64, 112, 112), 3, 1)
        maxpool("maxpool2x2_64_56", (16, 64, 56, 56), 2, 0)
        layer_normalisation(2048, 384)
        layer_normalisation(4096, 768)
        attention("attention_8x6x256x64_causal", (8, 6, 256, 64), True)
        attention("attention_2x12x1024x64", (2, 12, 1024, 64), False)
        x = picture(16, 1280, 7, 7)
        bench("global_avg_1280_7", lambda: F.adaptive_avg_pool2d(x, 1), 0, x)


def main():
    options = turns.options(__doc__, turns=3, seconds=0.3)
    if options.program == "torch":  # the child process of the other side
        return run_torch(options.seconds, options.workloads, options.threads)
    floor, work, ours, torch = turns.Floor(options), {}, {}, {}
    for side, r in turns.take_turns(options, options.workloads):
        if "gflop" in r:
            work[r["workload"]] = (r["gflop"], r["megabytes"])
        (ours if side == "athanor" else torch).setdefault(r["workload"], []).append((r["ms"], r["ms_best"]))
    for workload, times in ours.items():
        line = {"workload": workload, "athanor_ms": round(statistics.median(t[0] for t in times), 5)}
        if workload in torch:
            other = torch[workload]
            median, best = statistics.median(t[0] for t in other), min(t[1] for t in other)
            line |= {"torch_ms": round(median, 5), "ratio": round(median / line["athanor_ms"], 3),
                     "ratio_of_best": round(best / min(t[1] for t in times), 3),
                     "part_of_floor": round(floor.ms(*work[workload]) / line["athanor_ms"], 2)}
        print(json.dumps(line), flush=True)


main()
