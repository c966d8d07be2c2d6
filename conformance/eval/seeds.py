"""Deterministic randomness and content keys: the same names and seed give the same numbers on every machine."""

import ast
import hashlib
from functools import cache
from pathlib import Path

import numpy as np


def key(*names) -> str:
    """A short content key of anything printable."""
    return hashlib.sha256("\x1f".join(str(name) for name in names).encode()).hexdigest()[:20]


def generator(*names) -> np.random.Generator:
    """A random generator of its own for each combination of names."""
    return np.random.default_rng(int(key(*names), 16))


@cache
def source_key(*modules: str) -> str:
    """A key of what the named modules here do. Comments and layout do not change it, nor edits while a run goes on."""
    folder = Path(__file__).resolve().parent
    return key(*(ast.dump(ast.parse((folder / f"{module}.py").read_text())) for module in modules))
