"""Runs the scenarios in each language, with and without TLS, and prints the matrix of them.

run.py SERVER LOOPSIM FOLDER LANGUAGE...

SERVER and LOOPSIM are the programs; FOLDER has been filled by build.sh.
"""

import concurrent.futures
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from languages import command
from scenarios import SCENARIOS, Scenario
from world import PATIENCE, World, authority


class DifferentError(Exception):
    """A program does not do what the scenario wants."""


def perform(scenario: Scenario, world: World, start: list[str]) -> None:
    """Run a program through a scenario; raises what is not as it should be."""
    environment = world.environment() | scenario.environment
    if scenario.certificate and world.certificates:
        del environment["LOOP_TOKEN"]
        environment["LOOP_CERTIFICATE"] = str(world.certificates / "client.pem")
        environment["LOOP_KEY"] = str(world.certificates / "client-key.pem")
    world.simulate("faults", method="DELETE")
    for fault in scenario.faults:
        world.simulate("faults", fault)
    scenario.before(world)
    began = time.monotonic()
    program = subprocess.Popen(
        [*start, *scenario.command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in program.stdout or ():
            lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    complaints: list[str] = []
    threading.Thread(target=lambda: complaints.extend(program.stderr or ()), daemon=True).start()
    said: list[str] = []
    try:
        if not scenario.when:
            scenario.meanwhile(world)
        while (line := lines.get(timeout=PATIENCE)) is not None:
            said.append(line)
            if scenario.when and line.startswith(scenario.when):
                scenario.meanwhile(world)
        status = program.wait(PATIENCE)
    except queue.Empty:
        status = -1
        said.append(f"… and nothing more within {PATIENCE} s")
    finally:
        program.kill()
        program.wait()
    took = time.monotonic() - began
    if said != scenario.says or status:
        wanted, got = "\n  ".join(scenario.says), "\n  ".join(said)
        raise DifferentError(f"says\n  {got}\ninstead of\n  {wanted}\nstatus {status}\n{''.join(complaints[-20:])}")
    if not scenario.seconds[0] <= took <= scenario.seconds[1]:
        raise DifferentError(f"took {took:.1f} s instead of {scenario.seconds}")
    if scenario.books and (count := world.booked(scenario.books)) != 1:
        raise DifferentError(f"{scenario.books} is booked {count} times")


def lane(name: str, tools: tuple[str, str], folder: Path, certificates: Path | None) -> dict[str, str]:
    """Run a language through all scenarios in a world of its own: what went wrong, by scenario."""
    results: dict[str, str] = {}
    scratch = Path(tempfile.mkdtemp(dir=folder))
    world = World(*tools, scratch / "world", certificates)
    try:
        for scenario in SCENARIOS:
            if scenario.needs == "tls" and not certificates:
                continue
            try:
                perform(scenario, world, command(name, folder))
                results[scenario.name] = ""
            except Exception:  # noqa: BLE001
                results[scenario.name] = traceback.format_exc(limit=-2)
    finally:
        world.close()
    return results


def main() -> None:
    server, loopsim, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    names = sys.argv[4:]
    began = time.monotonic()
    certificates = folder / "certificates"
    if not certificates.exists():
        authority(certificates)
    # Mostly they wait.
    with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 2)) as pool:
        lanes = {
            (name, tls): pool.submit(lane, name, (server, loopsim), folder, certificates if tls else None)
            for name in names
            for tls in (False, True)
        }
    failures = []
    width = max(len(name) for name in names)
    columns = [scenario.name for scenario in SCENARIOS]
    print("p: sandbox without TLS, t: service with TLS; a sandbox forgets all when it stops, so that none is restarted")
    print(f"{'':{width}} | {' | '.join(columns)}")
    passed = 0
    for name in names:
        cells = []
        for column in columns:
            cell = ""
            for tls in (False, True):
                outcome = lanes[name, tls].result().get(column)
                cell += "" if outcome is None else "NO" if outcome else "t" if tls else "p"
                passed += outcome == ""
                if outcome:
                    failures.append(f"--- {name}, {column}, {'with' if tls else 'without'} TLS\n{outcome}")
            cells.append(f"{cell:{len(column)}}")
        print(f"{name:{width}} | {' | '.join(cells)}")
    print(f"{len(names)} languages in {time.monotonic() - began:.0f} s: {passed} passed, {len(failures)} failed")
    if failures:
        sys.exit("\n".join(failures))


main()
