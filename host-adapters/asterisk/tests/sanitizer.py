"""AddressSanitizer and UndefinedBehaviorSanitizer in an Asterisk that was not built for them."""

import glob
import os
import re
import sys

from scenario import check
from switch import Switch, not_installed

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
import asan

# Asterisk's own faults are its own: only what is found in us counts.
PREFIX = ("/usr/bin/env", "LD_PRELOAD=libasan.so", *asan.options("/tmp/sanitizer"))


def found(root):
    text = ""
    for path in glob.glob(os.path.join(root, "tmp/sanitizer.*")):
        with open(path) as file:
            text += file.read()
        os.remove(path)
    return text


def leaked(text):
    """Objects that were leaked."""
    return sum(int(count) for count in re.findall(r"leak of \d+ byte\(s\) in (\d+) object", text))


def leaks_without_us(root):
    """Objects that this Asterisk leaks when the module is not loaded."""
    found(root)
    with not_installed(root):
        Switch(root, PREFIX).stop()
    text = found(root)
    check("interceptors initialized" in text, "the sanitizer does not work: it told nothing")
    return leaked(text)


def verify(root, unavoidable):
    text = found(root)
    check("interceptors initialized" in text, "the sanitizer told nothing")
    check("ERROR: AddressSanitizer" not in text, text)
    check("runtime error" not in text, text)
    check(leaked(text) <= unavoidable, f"{leaked(text)} objects leaked, {unavoidable} without the module:\n{text}")
    return f"{leaked(text)} objects leaked, as without the module"
