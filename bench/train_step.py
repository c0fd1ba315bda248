#!/usr/bin/python3
"""Whole training steps (forward, cross entropy, backward, SGD with momentum): athanor beside PyTorch, by turns, each
in processes of its own.

train_step.py PROGRAM [--turns N] [--seconds S] [--threads N] [WORKLOAD...]   PROGRAM is build/release/bin/bench_train_step

PyTorch runs in the environment in which Debian's build is fastest (see turns.py), in NHWC and in NCHW, with the optimiser
that takes all parameters at once and the plain one; the fastest of them counts. Prints one JSON line per workload;
part_of_floor is the time in which the processor could do the multiplications alone (bench/limits.cpp), as a part of ours.
"""
import json
import statistics

import turns

# GFLOP of the products and convolutions of a step: forward, and both gradients (none by the pictures).
WORKLOADS = {"mlp": 0.411, "tiny_cnn": 9.16, "resnet18": 170.4, "mobilenet_v2": 28.5}


def run_torch(seconds, wanted, threads):
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    def model_of(name):
        if name == "mlp":
            return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
        if name == "tiny_cnn":
            return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                                 nn.Flatten(1), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))
        import torchvision
        model = getattr(torchvision.models, name)(weights=None)
        if name == "mobilenet_v2":
            model.classifier[0] = nn.Identity()
        return model

    shapes = {"mlp": (128, 784), "tiny_cnn": (128, 1, 28, 28), "resnet18": (16, 3, 224, 224),
              "mobilenet_v2": (16, 3, 224, 224)}

    def run(name, nhwc, foreach):
        model = model_of(name).train()
        x = torch.randn(*shapes[name])
        target = torch.arange(x.shape[0]) * 7 % (10 if name in ("mlp", "tiny_cnn") else 1000)
        if nhwc:
            model = model.to(memory_format=torch.channels_last)
            x = x.contiguous(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, foreach=foreach)

        def step():
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x), target).backward()
            optimizer.step()

        print(json.dumps({"workload": name, "variant": ["nchw", "nhwc"][nhwc] + "+foreach" * foreach}
                         | turns.measure(step, seconds)), flush=True)

    for name in WORKLOADS:
        if wanted and name not in wanted:
            continue
        for nhwc in (False,) if name == "mlp" else (False, True):
            for foreach in (False, True):
                run(name, nhwc, foreach)


def main():
    options = turns.options(__doc__, turns=3, seconds=1.5)
    if options.program == "torch":  # the child process of the other side
        return run_torch(options.seconds, options.workloads, options.threads)
    floor = turns.Floor(options)
    for workload in options.workloads or WORKLOADS:
        ours, torch = [], {}
        for side, r in turns.take_turns(options, [workload]):
            (ours if side == "athanor" else torch.setdefault(r["variant"], [])).append(r)
        mine = statistics.median(r["ms"] for r in ours)
        medians = {v: statistics.median(r["ms"] for r in rs) for v, rs in torch.items()}
        variant = min(medians, key=medians.get)
        best = min(r["ms_best"] for rs in torch.values() for r in rs) / min(r["ms_best"] for r in ours)
        print(json.dumps({"workload": workload, "athanor_ms": round(mine, 3), "torch_ms": round(medians[variant], 3),
                          "torch_variant": variant, "ratio": round(medians[variant] / mine, 3),
                          "ratio_of_best": round(best, 3),
                          "part_of_floor": round(floor.ms(WORKLOADS[workload]) / mine, 2)}), flush=True)


main()
