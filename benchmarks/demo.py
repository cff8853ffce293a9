"""How long `errata demo --check` takes, what it finds, and how much memory errata needs for it.

    python benchmarks/demo.py [--quick]

The command runs twice, as a process: the first run fills the caches (it installs Label Studio where that is missing),
the second counts. Its servers start cold each time. Memory is resident memory, looked at five times a second, of the
command, of `errata serve` and of the jobs that it starts; Label Studio's own is left out. The sum counts what
processes share once for each of them.

The same digits without planted errors are audited as an export: how many suspects are there where nothing was planted?
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from errata.demo.digits import load_digits
from errata.demo.source_project import CONFIG, CONTROL, choice

LOOK_EVERY_S = 0.2
MIB = 2**20
TARGETS = {"found_in_first_90": 85, "seconds": 120, "memory_mib": 1536}


@dataclass
class Memory:
    """The most resident memory in bytes, of each part and of all at one moment."""

    parts: dict[str, int] = field(default_factory=dict)

    def look(self, command: psutil.Process) -> None:
        now = {"command": 0, "serve": 0, "jobs": 0}
        waiting = [(command, "command")]
        while waiting:
            process, part = waiting.pop()
            try:
                said = process.cmdline()
                if any("label_studio" in word for word in said):
                    continue
                if said[-1:] == ["serve"]:
                    part = "serve"
                now[part] += process.memory_info().rss
                waiting += [(child, "jobs" if part == "serve" else part) for child in process.children()]
            except psutil.NoSuchProcess:
                continue
        for name, size in (now | {"sum": sum(now.values())}).items():
            self.parts[name] = max(self.parts.get(name, 0), size)

    def in_mib(self) -> dict[str, int]:
        return {part: round(size / MIB) for part, size in self.parts.items()}


class Stages:
    """Takes the time of each stage that the command names."""

    def __init__(self, lines: IO[str]) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._began = "Start", time.monotonic()
        self._lines = lines
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def end(self) -> None:
        self._thread.join()
        self._close("")

    def _read(self) -> None:
        for line in self._lines:
            print("  " + line, end="", file=sys.stderr)
            name, _, rest = line.strip().partition(": ")
            if rest.endswith(" to do") or not (rest or name.endswith(".")):
                self._close(name)

    def _close(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[self._stage] = round(self.seconds.get(self._stage, 0.0) + now - self._began, 1)
        self._stage, self._began = name, now


def own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}


def run_demo() -> dict[str, Any]:
    """Run the command once; return what it said and what it took."""
    memory, began = Memory(), time.monotonic()
    command = [sys.executable, "-m", "errata", "demo", "--check"]
    with subprocess.Popen(
        command, env=own_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        stages, watched = Stages(process.stderr), psutil.Process(process.pid)
        while process.poll() is None:
            memory.look(watched)
            time.sleep(LOOK_EVERY_S)
        seconds = time.monotonic() - began
        stages.end()
        said = process.stdout.read()
    return {
        "seconds": round(seconds, 1),
        "exit": process.returncode,
        **(json.loads(said) if said.strip() else {}),
        "memory_mib": memory.in_mib(),
        "stages_s": stages.seconds,
    }


def audit_without_errors() -> dict[str, Any]:
    """Audit the digits with their right labels, as an export."""
    digits = load_digits(planted_share=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = []
        for number, (png, label) in enumerate(zip(digits.pngs, digits.given, strict=True), start=1):
            (folder / f"{number}.png").write_bytes(png)
            annotation = {"id": number, "completed_by": 1, "result": [choice(CONTROL, label)]}
            tasks.append({"id": number, "data": {"image": f"{number}.png"}, "annotations": [annotation]})
        (folder / "export.json").write_text(json.dumps(tasks))
        (folder / "config.xml").write_text(CONFIG)
        options = {"--config": "config.xml", "--media": ".", "--out": "findings.jsonl", "--encoder": "pixels"}
        command = [sys.executable, "-m", "errata", "audit", "export.json", "--json", *_flat(options)]
        environment = own_environment() | {"ERRATA_DATA_DIR": str(folder / "data")}
        said = json.loads(subprocess.check_output(command, cwd=folder, env=environment))
    return {"labels": said["labels"], "suspects": said["suspects"]}


def _flat(options: Mapping[str, str]) -> list[str]:
    return [word for option in options.items() for word in option]


def main() -> None:
    parser = argparse.ArgumentParser(description="What the demo takes.")
    parser.add_argument("--quick", action="store_true", help="one run, however cold the caches")
    is_quick = parser.parse_args().quick
    runs = [run_demo() for _ in range(1 if is_quick else 2)]
    clean = audit_without_errors()
    last = runs[-1]
    memory = last["memory_mib"]
    print(f"{'errata demo --check':38}{'run':>8}{'target':>10}")
    print(f"{'seconds, caches warm, servers cold':38}{last['seconds']:8}{'< 120':>10}")
    print(f"{'planted errors in the first 50':38}{last.get('found_in_first_50', '-'):>8}")
    print(f"{'planted errors in the first 90':38}{last.get('found_in_first_90', '-'):>8}{'>= 85':>10}")
    for part, about in (("sum", "all of errata at once"), ("command", "the command"), ("serve", "errata serve")):
        print(f"{'MiB, ' + about:38}{memory.get(part, 0):8}{'< 1536' if part == 'sum' else '':>10}")
    print(f"{'MiB, jobs':38}{memory.get('jobs', 0):8}")
    print(f"{'suspects where nothing is planted':38}{clean['suspects']:8}  of {clean['labels']}")
    load = [round(each, 1) for each in os.getloadavg()]
    result = {"benchmark": "demo", "quick": is_quick, "targets": TARGETS, "load": load, "runs": runs, "clean": clean}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
