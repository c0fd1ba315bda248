#!/usr/bin/python3
"""Single ops on large tensors: athanor beside PyTorch, by turns (A B A B ...), each in processes of its own.

ops.py PROGRAM [--turns N] [--seconds S] [--threads N] [--processor] [WORKLOAD...]     PROGRAM is build/release/bin/bench_ops

PyTorch runs in the environment in which Debian's build is fastest: OpenBLAS with OpenMP, its AVX-512 kernels
where the processor has them, threads bound, tcmalloc. Prints one JSON line per workload and size: the medians
over the turns in milliseconds and the ratio torch / athanor (above 1: athanor is faster).
--processor counts processor time in place of wall time: for one thread on a machine that is busy.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def library_folder(package):
    listing = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True).stdout.split("\n")
    return next((os.path.dirname(line) for line in listing if line.endswith("/libblas.so.3")), "")


def clean_environment():
    ours = ("OPENBLAS", "OMP_", "GOMP_", "ATEN_", "LD_", "MALLOC", "GLIBC_T", "DNNL", "ONEDNN")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)}


def torch_environment(threads):
    env = clean_environment()
    flags = open("/proc/cpuinfo").read()
    wide = "avx512f" in flags
    env |= {"LD_LIBRARY_PATH": library_folder("libopenblas0-openmp"), "OMP_NUM_THREADS": str(threads),
            "OMP_PROC_BIND": "close", "ATEN_CPU_CAPABILITY": "avx512" if wide else "avx2",
            "LD_PRELOAD": "libtcmalloc_minimal.so.4"}
    if wide:
        env["OPENBLAS_CORETYPE"] = "SkylakeX"
    return env


def run_torch(seconds, wanted, threads, processor):
    import torch
    import torch.nn.functional as F

    now = time.process_time if processor else time.perf_counter

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    def bench(workload, size, f):
        if wanted and workload not in wanted:
            return
        for _ in range(3):
            f()
        start = now()
        f()
        inner = max(1, int(1e-3 / max(now() - start, 1e-7)))
        samples, begin = [], now()
        while now() - begin < seconds or len(samples) < 5:
            start = now()
            for _ in range(inner):
                f()
            samples.append((now() - start) / inner * 1e3)
        samples.sort()
        print(json.dumps({"workload": workload, "size": size, "ms": samples[len(samples) // 2], "ms_best": samples[0]}), flush=True)

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
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("workloads", nargs="*")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--processor", action="store_true")
    options = parser.parse_intermixed_args()
    if options.program == "torch":  # the child process of the other side
        run_torch(options.seconds, options.workloads, options.threads, options.processor)
        return
    common = ["--seconds", str(options.seconds), "--threads", str(options.threads), *["--processor"] * options.processor, *options.workloads]
    ours = clean_environment() | {"OMP_NUM_THREADS": str(options.threads), "OMP_PROC_BIND": "close"}
    sides = {"athanor": ([options.program, *common], ours),
             "torch": ([sys.executable, __file__, "torch", *common], torch_environment(options.threads))}
    found = {}
    for _ in range(options.turns):
        for side, (command, env) in sides.items():
            lines = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
            for line in lines.splitlines():
                r = json.loads(line)
                at = found.setdefault((r["workload"], r["size"]), {"athanor": [], "torch": []})
                at[side].append((r["ms"], r["ms_best"]))
    for (workload, size), times in found.items():
        median = {side: statistics.median(t[0] for t in times[side]) for side in times}
        best = {side: min(t[1] for t in times[side]) for side in times}
        print(json.dumps({"workload": workload, "size": size, "athanor_ms": round(median["athanor"], 4),
                          "torch_ms": round(median["torch"], 4), "ratio": round(median["torch"] / median["athanor"], 2),
                          "ratio_of_best": round(best["torch"] / best["athanor"], 2)}), flush=True)


if __name__ == "__main__":
    main()
