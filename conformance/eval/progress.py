"""Progress on standard error: one line that rewrites itself on a terminal, a line now and then elsewhere."""

import sys
import time


class Progress:
    """Announces stages and counts their steps."""

    def __init__(self):
        self._began = time.monotonic()
        self._stage, self._total, self._done, self._told = "", 0, 0, 0.0

    def start(self, stage: str, total: int) -> None:
        self._stage, self._total, self._done, self._told = stage, total, 0, 0.0
        if total:
            self._tell("")

    def step(self, name: str = "") -> None:
        self._done += 1
        now = time.monotonic()
        if sys.stderr.isatty() or self._done == self._total or now - self._told > 15:
            self._tell(name)
            self._told = now

    def note(self, message: str) -> None:
        print(f"eval [{self._elapsed()}] {message}", file=sys.stderr, flush=True)

    def _tell(self, name: str) -> None:
        line = f"eval [{self._elapsed()}] {self._stage} {self._done}/{self._total} {name}"
        if sys.stderr.isatty():
            print(f"\r{line:<79}", end="\n" if self._done == self._total else "", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _elapsed(self) -> str:
        seconds = int(time.monotonic() - self._began)
        return f"{seconds // 60:2d}:{seconds % 60:02d}"
