#!/usr/bin/python3
"""Single ops on large tensors: athanor beside PyTorch, by turns (A B A B ...), each in processes of its own.

ops.py PROGRAM [--turns N] [--seconds S] [--threads N] [--processor] [WORKLOAD...]     PROGRAM is build/release/bin/bench_ops

PyTorch runs in the environment in which Debian's build is fastest: OpenBLAS with OpenMP, its AVX-512 kernels
where the processor has them, threads bound, tcmalloc. Prints one JSON line per workload and size: the medians
over the turns in milliseconds, the ratio torch / athanor (above 1: athanor is faster), and for 1e7 elements the time in
which the memory could move the numbers read and written once (bench/limits.cpp), as a part of ours.
--processor counts processor time in place of wall time: for one thread on a machine that is busy.
"""
import json
import statistics
import time

import turns


# Numbers read and written for each element; what is much smaller does not count.
MOVED = {"add": 3, "sum": 1, "sum_rows1000": 1, "sum_columns50": 1, "sum_columns1000": 1, "amax_rows1000": 1,
         "argmax_rows10": 1.2, "softmax_rows1000": 2, "log_softmax_rows1000": 2, "softmax_rows10": 2, "tanh": 2, "gelu": 2,
         "chain": 3, "dropout": 2, "randn": 1, "transpose_copy": 2}


def run_torch(seconds, wanted, threads, processor):
    import torch
    import torch.nn.functional as F

    now = time.process_time if processor else time.perf_counter

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    def bench(workload, size, f):
        if wanted and workload not in wanted:
            return
        print(json.dumps({"workload": workload, "size": size} | turns.measure(f, seconds, now)), flush=True)

    with torch.inference_mode():
        for n in (10**6, 10**7):
            a, b = torch.randn(n), torch.randn(n)
            rows, few, image = a.view(-1, 1000), a.view(-1, 10), a.view(-1, 50)
            bench("add", n, lambda: a + b)
            bench("sum", n, lambda: a.sum())
            bench("sum_rows1000", n, lambda: rows.sum(1))
            bench("sum_columns50", n, lambda: image.sum(0))
            bench("sum_columns1000", n, lambda: rows.sum(0))
            bench("amax_rows1000", n, lambda: rows.amax(1))
            bench("argmax_rows10", n, lambda: few.argmax(-1))
            bench("softmax_rows1000", n, lambda: F.softmax(rows, -1))
            bench("log_softmax_rows1000", n, lambda: F.log_softmax(rows, -1))
            bench("softmax_rows10", n, lambda: F.softmax(few, -1))
            bench("tanh", n, lambda: torch.tanh(a))
            bench("gelu", n, lambda: F.gelu(a))
            bench("chain", n, lambda: F.gelu(a * b + a))
            bench("dropout", n, lambda: F.dropout(a, 0.1, True))
            bench("randn", n, lambda: torch.randn(n))
            bench("transpose_copy", n, lambda: rows.t().contiguous())
    logits, target = torch.randn(128, 10), torch.arange(128) * 7 % 10
    with torch.inference_mode():
        bench("cross_entropy", 1280, lambda: F.cross_entropy(logits, target))

    def step():
        leaf = logits.detach().requires_grad_()
        F.cross_entropy(leaf, target).backward()

    bench("cross_entropy_step", 1280, step)


def main():
    options = turns.options(__doc__, turns=5, seconds=0.3, processor=True)
    if options.program == "torch":  # the child process of the other side
        return run_torch(options.seconds, options.workloads, options.threads, options.processor)
    floor, found = turns.Floor(options), {}
    for side, r in turns.take_turns(options, options.workloads):
        at = found.setdefault((r["workload"], r["size"]), {"athanor": [], "torch": []})
        at[side].append((r["ms"], r["ms_best"]))
    for (workload, size), times in found.items():
        median = {side: statistics.median(t[0] for t in times[side]) for side in times}
        best = {side: min(t[1] for t in times[side]) for side in times}
        line = {"workload": workload, "size": size, "athanor_ms": round(median["athanor"], 4),
                "torch_ms": round(median["torch"], 4), "ratio": round(median["torch"] / median["athanor"], 2),
                "ratio_of_best": round(best["torch"] / best["athanor"], 2)}
        if size == 10**7:
            line["part_of_floor"] = round(floor.ms(megabytes=MOVED[workload] * size * 4e-6) / median["athanor"], 2)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
