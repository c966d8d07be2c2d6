#!/usr/bin/env python3
"""hostile.py spin|trap PLUGIN.wasm OUT.wasm: our plugin, with a session.push that never returns, or traps.

The body of the function is overwritten in place, so that nothing else in the component changes.
"""

import sys

SPIN = bytes([0x03, 0x40, 0x0C, 0x00, 0x0B, 0x00])  # loop; br 0; end; unreachable
TRAP = bytes([0x00])  # unreachable
NOP, END = 0x01, 0x0B
PUSH = b"callprint:analyzer/analysis@0.1.0#[method]session.push"


def number(data, at):
    """An unsigned LEB128 number at `at`, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return value, at


def sections(data, at, end):
    """Id, begin and end of every section from `at`."""
    while at < end:
        size, begin = number(data, at + 1)
        yield data[at], begin, begin + size
        at = begin + size


def names(data, at):
    """Skips a name; its text and where it ends."""
    size, at = number(data, at)
    return data[at : at + size], at + size


def imported_functions(data, at):
    count, at = number(data, at)
    functions = 0
    for _ in range(count):
        _, at = names(data, at)
        _, at = names(data, at)
        kind, at = data[at], at + 1
        if kind == 0:
            functions += 1
            _, at = number(data, at)
        else:
            raise SystemExit("a plugin imports functions or nothing")
    return functions


def exported_function(data, at, wanted):
    count, at = number(data, at)
    for _ in range(count):
        name, at = names(data, at)
        kind, (index, at) = data[at], number(data, at + 1)
        if kind == 0 and name == wanted:
            return index
    return None


def body(data, at, index):
    """Where the instructions of a function begin and end."""
    _, at = number(data, at)
    for _ in range(index):
        size, at = number(data, at)
        at += size
    size, at = number(data, at)
    end = at + size
    groups, at = number(data, at)
    for _ in range(groups):
        _, at = number(data, at)
        at += 1
    return at, end


def main():
    how, source, target = sys.argv[1:]
    data = bytearray(open(source, "rb").read())
    for kind, begin, end in sections(data, 8, len(data)):
        if kind != 1:  # a core module
            continue
        found = {kind: begin for kind, begin, _ in sections(data, begin + 8, end)}
        index = exported_function(data, found[7], PUSH) if 7 in found else None
        if index is None:
            continue
        at, end = body(data, found[10], index - (imported_functions(data, found[2]) if 2 in found else 0))
        code = SPIN if how == "spin" else TRAP
        data[at : end - 1] = code + bytes([NOP]) * (end - 1 - at - len(code))
        assert data[end - 1] == END
        open(target, "wb").write(data)
        return
    raise SystemExit(f"{source}: no function {PUSH.decode()}")


if __name__ == "__main__":
    main()
