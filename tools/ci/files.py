"""Compares what two builds of the server take for the same files over REST: processor time in pairs, and the most memory.

    files.py BEFORE NOW ROUNDS FILE...

Each server runs as a sandbox of its own. The processor time is that of its threads, so that it holds on a machine that others
use, too; the ratio is the median of pairs that follow each other. It ends with 1 when one is above 1.15, or more than 64 MiB.
"""

import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

NAME = "900000001FEC20261231.txt"
MOST, MEMORY = 1.15, 64


class Server:
    def __init__(self, binary, port):
        self.root = f"http://127.0.0.1:{port}"
        ports = [f"--http={port}", f"--grpc={port + 1}", f"--operations={port + 2}", f"--simulator={port + 3}"]
        self.process = subprocess.Popen([binary, "sandbox", *ports], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                urllib.request.urlopen(self.root + "/readyz", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{binary} does not start")

    def processor(self):
        tasks = f"/proc/{self.process.pid}/task"
        total = 0
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total / 1e9

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) >> 10

    def ask(self, verb, path):
        before = self.processor()
        url = f"{self.root}/v1/practices/demo/dossiers/CEGID001/files:{verb}?format=IMPORT_FORMAT_FEC&fileName={NAME}"
        head = ["-H", "Authorization: Bearer me", "-H", "Content-Type: text/plain", "-H", "Expect:"]
        subprocess.run(["curl", "-sf", "-T", path, "-X", "POST", "-o", os.devnull, *head, url], check=True)
        return self.processor() - before


def compare(before, now, rounds, path):
    for server in (before, now):
        server.ask("validate", path)
    taken = {"before": [], "validate": [], "report": []}
    for turn in range(rounds):
        steps = [("before", before, "validate"), ("validate", now, "validate"), ("report", now, "report")]
        for name, server, verb in steps if turn % 2 else reversed(steps):
            taken[name].append(server.ask(verb, path))
    good = True
    print(f"{os.path.basename(path)}: before {statistics.median(taken['before']):.2f} s")
    for name in ("validate", "report"):
        ratio = statistics.median(n / b for n, b in zip(taken[name], taken["before"]))
        good = good and ratio <= MOST
        print(f"  files:{name} {statistics.median(taken[name]):.2f} s, {ratio:.2f} times")
    more = now.memory() - before.memory()
    print(f"  memory {before.memory()} and {now.memory()} MiB; load {os.getloadavg()[0]:.0f}", flush=True)
    return good and more <= MEMORY


def main(old, new, rounds, *paths):
    servers = []
    try:
        servers = [Server(old, 21000), Server(new, 22000)]
        good = [compare(*servers, int(rounds), path) for path in paths]
    finally:
        for server in servers:
            server.process.kill()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
