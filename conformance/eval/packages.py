"""Debian packages the corpus and the degradations are made from.

Programs and codec libraries are installed (root) or asked for by name. Recordings are only unpacked under the work
folder: they need no installation, and two prompt packages want the same place under /usr/share.
"""

import ctypes.util
import os
import shutil
import subprocess
from pathlib import Path

from bootstrap import work_dir

# program -> package, library -> package: what is looked for, so that a hand-built codec counts as well.
PROGRAMS = {"ffmpeg": "ffmpeg", "sox": "sox", "espeak-ng": "espeak-ng", "flite": "flite"}
LIBRARIES = {
    "gsm": "libgsm1",
    "bcg729": "libbcg729-0",
    "opencore-amrnb": "libopencore-amrnb0",
    "opus": "libopus0",
    "speex": "libspeex1",
}


def require_tools() -> None:
    """Make sure that every program and codec library is there."""
    missing = _missing()
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"eval: installing {' '.join(missing)}", flush=True)
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for step in (["apt-get", "-q", "update"], command):
            subprocess.run(step, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        missing = _missing()
    if missing:
        raise SystemExit(
            f"eval: these packages are missing: {' '.join(missing)}\n"
            f"As root on Debian 12: apt-get update && {' '.join(command)}"
        )


def _missing() -> list[str]:
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    missing += [package for library, package in LIBRARIES.items() if not ctypes.util.find_library(library)]
    return missing


def unpacked(package: str) -> Path:
    """The folder with the unpacked files of `package`, downloaded once."""
    target = work_dir() / "packages" / package
    if target.exists():
        return target
    downloads = work_dir() / "packages" / f".{package}.partial"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    for attempt in range(2):
        done = subprocess.run(["apt-get", "download", package], cwd=downloads, capture_output=True, text=True)
        if done.returncode == 0:
            break
        if attempt == 0 and os.geteuid() == 0:
            subprocess.run(["apt-get", "-q", "update"], capture_output=True)
    archives = list(downloads.glob("*.deb"))
    if len(archives) != 1:
        raise SystemExit(
            f"eval: `apt-get download {package}` brought no package: {done.stderr.strip()}\n"
            f"Remedy: run `apt-get update` with Debian 12's main section in the sources list."
        )
    subprocess.run(["dpkg-deb", "-x", str(archives[0]), str(downloads / "files")], check=True)
    (downloads / "files").rename(target)
    shutil.rmtree(downloads)
    return target
