"""What the comparisons with PyTorch share: its environment, how a workload is timed, and the turns."""
import argparse
import json
import os
import subprocess
import sys
import time


def library_folder(package):
    listing = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True).stdout.split("\n")
    return next((os.path.dirname(line) for line in listing if line.endswith("/libblas.so.3")), "")


def clean_environment():
    ours = ("OPENBLAS", "OMP_", "GOMP_", "ATEN_", "LD_", "MALLOC", "GLIBC_T", "DNNL", "ONEDNN")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)}


def our_environment(threads):
    return clean_environment() | {"OMP_NUM_THREADS": str(threads), "OMP_PROC_BIND": "close"}


def torch_environment(threads):
    """In which Debian's build is fastest: OpenBLAS with OpenMP, its AVX-512 kernels where the processor has them."""
    wide = "avx512f" in open("/proc/cpuinfo").read()
    env = our_environment(threads) | {"LD_LIBRARY_PATH": library_folder("libopenblas0-openmp"),
                                      "ATEN_CPU_CAPABILITY": "avx512" if wide else "avx2",
                                      "LD_PRELOAD": "libtcmalloc_minimal.so.4"}
    if wide:
        env["OPENBLAS_CORETYPE"] = "SkylakeX"
    return env


def options(doc, turns, seconds, processor=False):
    """PROGRAM [--turns N] [--seconds S] [--threads N] [WORKLOAD...]; PROGRAM is "torch" in the other side's process."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("workloads", nargs="*")
    parser.add_argument("--turns", type=int, default=turns)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--threads", type=int, default=2)
    if processor:
        parser.add_argument("--processor", action="store_true")
    return parser.parse_intermixed_args()


def measure(f, seconds, now=time.perf_counter):
    """Median and best time of a call in milliseconds, as program.hpp takes them."""
    for _ in range(3):
        f()
    start = now()
    f()
    inner = max(1, int(1e-3 / max(now() - start, 1e-8)))
    samples, begin = [], now()
    while now() - begin < seconds or len(samples) < 5:
        start = now()
        for _ in range(inner):
            f()
        samples.append((now() - start) / inner * 1e3)
    samples.sort()
    return {"ms": samples[len(samples) // 2], "ms_best": samples[0]}


def lines_of(command, env):
    """The JSON lines that a program prints."""
    out = subprocess.run(command, env=env, capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{out.stderr[-2000:]}")
    return [json.loads(line) for line in out.stdout.splitlines()]


def take_turns(asked, workloads):
    """A B A B ...: yields (side, line) for every line of both sides, "athanor" and "torch"."""
    common = ["--seconds", str(asked.seconds), "--threads", str(asked.threads),
              *["--processor"] * getattr(asked, "processor", False), *workloads]
    sides = {"athanor": ([asked.program, *common], our_environment(asked.threads)),
             "torch": ([sys.executable, sys.argv[0], "torch", *common], torch_environment(asked.threads))}
    for _ in range(asked.turns):
        for side, (command, env) in sides.items():
            for line in lines_of(command, env):
                yield side, line


class Floor:
    """The least time that arithmetic and memory allow, by bench_limits, beside the program, measured now."""

    def __init__(self, asked):
        command = [os.path.join(os.path.dirname(asked.program), "bench_limits"), "--seconds", "0.5",
                   "--threads", str(asked.threads)]
        self.rates = {line["limit"]: line["rate"] for line in lines_of(command, our_environment(asked.threads))}

    def ms(self, gflop=0.0, megabytes=0.0):
        """The bandwidth is that of the smallest measured size which holds the data: caches keep it between calls."""
        sizes = sorted({int(name.split("_")[1][:-3]) for name in self.rates if name.startswith("read_")})
        size = next((s for s in sizes if s * 1.048576 >= megabytes), sizes[-1])
        bandwidth = max(self.rates[f"read_{size}MiB"], self.rates[f"triad_{size}MiB"])
        return max(gflop / self.rates["multiply_add"] * 1e3, megabytes / bandwidth)
