"""The command under test, run as any user runs it."""

import csv
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import bootstrap

ATTEMPTS = 3


class Callprint:
    """`callprint` with a set of scripts enrolled and baked once; analyses lists of recordings."""

    def __init__(self, command: Path, jobs: int):
        found = shutil.which(str(command))
        if not found:
            raise SystemExit(f"eval: {command} not found: run `make build`, or give --callprint PATH")
        binary = Path(found).read_bytes()
        self.identity = hashlib.sha256(binary).hexdigest()[:16]
        # A copy, so that a build during the run does not change what is measured.
        self.command = bootstrap.work_dir() / "commands" / self.identity
        if not self.command.exists():
            self.command.parent.mkdir(parents=True, exist_ok=True)
            partial = self.command.with_suffix(".partial")
            partial.write_bytes(binary)
            partial.chmod(0o755)
            partial.rename(self.command)
        self.jobs = jobs
        self.analyzer: Path | None = None

    def enrol(
        self, scripts: Iterable[tuple[str, Path]], announcements: Iterable[tuple[str, Path]] = ()
    ) -> None:
        """Enrol and bake (script id, recording) pairs, unless this very command did it before."""
        scripts = [(*script, "eval") for script in scripts]
        scripts += [(*announcement, "voicemail-system") for announcement in announcements]
        digest = hashlib.sha256(self.identity.encode())
        for script_id, path, category in scripts:
            digest.update(script_id.encode() + category.encode() + path.read_bytes())
        self.identity = digest.hexdigest()[:16]
        folder = bootstrap.work_dir() / "analyzers" / self.identity
        self.analyzer = folder / "analyzer.cwasm"
        # Baked in place: an analyzer remembers where its packs are.
        if (folder / "ready").exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _write_list(folder / "refs.csv", ("script_id", "wav", "category"), scripts)
        pack = folder / "pack.json"
        about = ("--name", "eval", "--vendor", "eval")
        self._run("enroll", "--list", folder / "refs.csv", "--pack", pack, *about)
        self._run("bake", "--pack", pack, "--out", self.analyzer)
        (folder / "ready").touch()

    def analyze(
        self, recordings: list[Path], scratch: Path, outbound: bool = False
    ) -> dict[Path, list[dict]]:
        """The findings in each recording of a call to us, or, if outbound, of one that we placed. A call may miss its deadline on a busy machine, so what failed is tried again."""
        results: dict[Path, dict] = {}
        for _ in range(ATTEMPTS):
            left = [path for path in recordings if "findings" not in results.get(path, {})]
            if not left:
                break
            listed = scratch / "calls.csv"
            _write_list(listed, ("wav",), [(path,) for path in left])
            lines = self._run(
                "analyze",
                "--analyzer",
                self.analyzer,
                "--list",
                listed,
                "--jobs",
                self.jobs,
                "--format",
                "jsonl",
                *(["--outbound"] if outbound else []),
                may_fail=True,
            ).splitlines()
            results.update((Path(line["file"]), line) for line in map(json.loads, lines))
        failed = [path for path in recordings if "findings" not in results.get(path, {})]
        if failed:
            why = results.get(failed[0], {}).get("error", "no line printed for it")
            raise SystemExit(
                f"eval: `callprint analyze` failed on {len(failed)} of {len(recordings)} recordings, "
                f"{ATTEMPTS} times; {failed[0]}: {why}"
            )
        return {path: results[path]["findings"] for path in recordings}

    def _run(self, *arguments, may_fail: bool = False) -> str:
        command = [str(self.command), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode and not (may_fail and done.stdout):
            raise SystemExit(f"eval: `{' '.join(command)}` ended with code {done.returncode}:\n{done.stderr.strip()}")
        return done.stdout


def _write_list(path: Path, header: tuple[str, ...], rows: list[tuple]) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
