"""The trainer's own Python environment, made on first use under target/train.

Every command here starts with `enter()`, so a fresh machine needs nothing but Python 3.11 and its `venv` module.
"""

import os
import sys
from pathlib import Path

REPO_DIR = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO_DIR / "conformance" / "eval"))

import bootstrap  # noqa: E402

# Exact versions: the weights are compared byte by byte when somebody reruns the training.
REQUIREMENTS = ("numpy==2.4.6", "scipy==1.17.1", "soundfile==0.14.0", "pypinyin==0.55.0", "numba==0.68.1")


def enter() -> None:
    """Continue in that environment, with one thread: then a sum has one order on every run."""
    venv = REPO_DIR / "target" / "train" / "venv"
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    stamp = venv / "requirements-installed"
    if not stamp.exists() or stamp.read_text() != "\n".join(REQUIREMENTS):
        bootstrap.install(venv, REQUIREMENTS)
        stamp.write_text("\n".join(REQUIREMENTS))
    python = str(venv / "bin" / "python")
    os.execve(python, [python, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
