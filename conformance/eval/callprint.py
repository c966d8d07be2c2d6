"""The command under test, run as any user runs it."""

import csv
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import bootstrap


class Callprint:
    """`callprint` with a set of scripts enrolled and baked once; analyses lists of recordings."""

    def __init__(self, command: Path, jobs: int):
        found = shutil.which(str(command))
        if not found:
            raise SystemExit(f"eval: {command} not found: run `make build`, or give --callprint PATH")
        self.command, self.jobs = Path(found).resolve(), jobs
        self.identity = hashlib.sha256(self.command.read_bytes()).hexdigest()[:16]
        self.analyzer: Path | None = None

    def enrol(self, scripts: Iterable[tuple[str, Path]]) -> None:
        """Enrol and bake (script id, recording) pairs, unless this very command did it before."""
        scripts = list(scripts)
        digest = hashlib.sha256(self.identity.encode())
        for script_id, path in scripts:
            digest.update(script_id.encode() + path.read_bytes())
        folder = bootstrap.work_dir() / "analyzers" / digest.hexdigest()[:16]
        self.identity = digest.hexdigest()[:16]
        self.analyzer = folder / "analyzer.cwasm"
        if self.analyzer.exists():
            return
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write_list(partial / "refs.csv", ("script_id", "wav"), scripts)
        self._run("enroll", "--list", partial / "refs.csv", "--pack", partial / "pack.json", "--name", "eval",
                  "--vendor", "eval", "--category", "eval")
        self._run("bake", "--pack", partial / "pack.json", "--out", partial / "analyzer.cwasm")
        partial.rename(folder)

    def analyze(self, recordings: list[Path], scratch: Path) -> dict[Path, list[dict]]:
        """The findings in each recording."""
        listed = scratch / "calls.csv"
        _write_list(listed, ("wav",), [(path,) for path in recordings])
        lines = self._run("analyze", "--analyzer", self.analyzer, "--list", listed, "--jobs", self.jobs,
                          "--format", "jsonl").splitlines()
        results = {Path(line["file"]): line for line in map(json.loads, lines)}
        missing = [path for path in recordings if path not in results or "error" in results[path]]
        if missing:
            why = results.get(missing[0], {}).get("error", "no line printed for it")
            raise SystemExit(f"eval: `callprint analyze` failed on {len(missing)} of {len(recordings)} recordings; "
                             f"{missing[0]}: {why}")
        return {path: results[path]["findings"] for path in recordings}

    def _run(self, *arguments) -> str:
        command = [str(self.command), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"eval: `{' '.join(command)}` ended with code {done.returncode}:\n{done.stderr.strip()}")
        return done.stdout


def _write_list(path: Path, header: tuple[str, ...], rows: list[tuple]) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
