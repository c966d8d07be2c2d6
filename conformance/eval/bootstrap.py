"""The evaluation's own Python environment: a venv under the work folder, made on first use.

Every command here starts with `bootstrap.enter()`, which re-runs the command inside that venv. So a fresh
machine needs nothing but Python 3.11's standard library and its `venv` module.
"""

import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = ("numpy>=1.26", "scipy>=1.11", "soundfile>=0.12", "pypinyin>=0.53")

EVAL_DIR = Path(__file__).resolve().parent
REPO_DIR = EVAL_DIR.parent.parent


def work_dir() -> Path:
    """Where everything built or cached goes. `CALLPRINT_EVAL_DIR` moves it, so worktrees can share one corpus."""
    return Path(os.environ.get("CALLPRINT_EVAL_DIR") or REPO_DIR / "target" / "eval")


def enter() -> None:
    """Continue in the evaluation's venv; returns only when already inside it."""
    venv = work_dir() / "venv"
    python = venv / "bin" / "python"
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    stamp = venv / "requirements-installed"
    wanted = "\n".join(REQUIREMENTS)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"eval: making a Python environment in {venv} ({', '.join(REQUIREMENTS)})", file=sys.stderr)
        install(venv, REQUIREMENTS)
        stamp.write_text(wanted)
    # One thread a process: the processes are what runs in parallel, and sums keep their order.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.execv(python, [str(python), *sys.argv])


def install(venv: Path, requirements: tuple[str, ...]) -> None:
    """Make `venv` if need be and install into it; a failure ends the program with the reason and the remedy."""
    steps = ([sys.executable, "-m", "venv", str(venv)],
             [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(
                f"eval: `{' '.join(step)}` failed:\n{(done.stderr or done.stdout).strip()}\n"
                f"On Debian: apt-get install python3-venv; and PyPI must be reachable through pip.")
