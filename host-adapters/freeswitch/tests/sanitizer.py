"""AddressSanitizer and UndefinedBehaviorSanitizer in a FreeSWITCH that was not built for them."""

import os
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
import asan


def wrapper(folder):
    """What runs the switch."""
    library = subprocess.check_output(["gcc", "-print-file-name=libasan.so"], text=True).strip()
    return ["env", f"LD_PRELOAD={library}", *asan.options(folder / "sanitizer")]


def verdict(folder):
    """What was found, in words; "" if nothing was. FreeSWITCH's own leaks are its own."""
    text = "".join(path.read_text(errors="replace") for path in sorted(folder.glob("sanitizer.*")))
    blocks = text.split("\n\n")
    if not any("leaks_on_purpose" in block for block in blocks):
        return "the sanitizer did not find the leak of leaks.c: it does not work"
    ours = [b for b in blocks if "leak of" in b and ("mod_callprint" in b or "libcallprint" in b) and "leaks_on_purpose" not in b]
    wrong = [b for b in blocks if "ERROR: AddressSanitizer" in b or "runtime error" in b]
    return "\n\n".join(wrong + ours)
