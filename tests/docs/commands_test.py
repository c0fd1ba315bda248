"""Runs the commands that the documentation shows, in their order, as a reader would type them.

usage: commands_test.py SOURCE_FOLDER ATHANOR_BINARY [--without-benchmarks]

Chinese pages must show the same commands as the English ones. Training budgets are shortened. Commands that set up, build or
test the whole project, and benchmarks in Python, are only checked to exist: what runs this test ran them. A build without
the benchmark programs leaves them out.
"""
import os, pathlib, re, shutil, signal, socket, subprocess, sys, tempfile, time

SOURCE, BINARY = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
PAIRS = [("README.md", "README.zh-CN.md")] + [
    (f"docs/{p.name}", f"docs/zh-CN/{p.name}") for p in sorted((SOURCE / "docs").glob("*.md"))]
BENCHMARKS = "--without-benchmarks" not in sys.argv
BUDGET = "8s"


def blocks(page):
    found, inside = [], False
    for line in (SOURCE / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = line.strip() == "```sh"
        elif inside and line.strip():
            found.append(line.split("  #")[0].strip())
    return found


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"nothing listens on port {port}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


failures, ran = [], 0
for english, chinese in PAIRS:
    commands = blocks(english)
    if (SOURCE / chinese).exists() and blocks(chinese) != commands:
        failures.append(f"{chinese} does not show the commands of {english}")
    place = pathlib.Path(tempfile.mkdtemp(prefix="athanor-docs-"))
    environment = dict(os.environ, ATHANOR_HOME=str(place / "home"), PATH=f"{BINARY.parent}:{os.environ['PATH']}")
    server, port = None, free_port()
    try:
        if any("photos" in c for c in commands) and not any("data sample photos" in c for c in commands):
            subprocess.run([BINARY, "data", "sample", "photos", "--count", "80", "--side", "64"], cwd=place, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands:
            word = command.split()[0]
            if word in ("./run", "./test", "tools/setup", "tools/build-wheel", "cmake", "export") or command.startswith("python3 bench/"):
                path = command.split()[1] if word == "python3" else word
                if "/" in path and not os.access(SOURCE / path, os.X_OK if word != "python3" else os.R_OK):
                    failures.append(f"{english}: {command}: there is no {path}")
                continue
            if word.startswith("build/release/bin/bench_") and not BENCHMARKS:
                print(f"{english}: {command}: left out, this build has no benchmarks", flush=True)
                continue
            command = re.sub(r"--budget \S+", f"--budget {BUDGET}", command)
            command = command.replace("--port 8080", f"--port {port}").replace("127.0.0.1:8080", f"127.0.0.1:{port}")
            command = command.replace("build/release/bin/", f"{BINARY.parent}/")
            ran += 1
            print(f"{english}: {command}", flush=True)
            if command.startswith("athanor serve"):
                server = subprocess.Popen(["/bin/sh", "-c", "exec " + command], cwd=place, env=environment)
                wait_for(port)
                continue
            if word == "curl":
                command = command.replace("curl ", "curl -sS --fail-with-body ", 1)
            done = subprocess.run(["/bin/sh", "-c", command], cwd=place, env=environment, capture_output=True, text=True)
            if done.returncode != 0:
                failures.append(f"{english}: {command}: exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    finally:
        if server:
            server.send_signal(signal.SIGTERM)
            if server.wait(30) != 0:
                failures.append(f"{english}: the server ended with {server.returncode}")
        shutil.rmtree(place, ignore_errors=True)

print("\n".join(failures))
print(f"{ran} commands of the documentation ran, {len(failures)} failures")
sys.exit(1 if failures or ran == 0 else 0)
