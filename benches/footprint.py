#!/usr/bin/env python3
"""What the gateway weighs and how soon it is ready: footprint.py PATH-OF-THE-PROGRAM

Starts the program several times on a fresh store and on the same store again, and prints the size of the binary, the
time from start to the first answer of /readyz, and the resident memory when idle.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

RUNS = 7


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident_mib(pid: int) -> float:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def measure(program: str, data: str) -> tuple[float, float]:
    """Milliseconds until ready, and MiB when idle."""
    port = free_port()
    command = [program, "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", data, "--log", "error"]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        while not process.stdout.readline().startswith("listening on "):
            if process.poll() is not None:
                sys.exit(f"{program} ended with {process.returncode}")
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz").read()
        ready = (time.perf_counter() - start) * 1000
        return ready, resident_mib(process.pid)
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    program = sys.argv[1]
    print(f"release binary      {os.path.getsize(program) / 2**20:8.1f} MiB")
    fresh, again, memory = [], [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as data:
            ready, _ = measure(program, data)
            fresh.append(ready)
            ready, resident = measure(program, data)
            again.append(ready)
            memory.append(resident)
    print(f"ready, fresh store  {statistics.median(fresh):8.1f} ms   (median of {RUNS})")
    print(f"ready, same store   {statistics.median(again):8.1f} ms")
    print(f"resident when idle  {statistics.median(memory):8.1f} MiB")


if __name__ == "__main__":
    main()
