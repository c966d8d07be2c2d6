#!/usr/bin/env python3
"""mod_callprint in a real FreeSWITCH, driven over the event socket, with SIP and RTP on 127.0.0.1.

    run.py [--keep DIR] [--list] [name …]     cases whose names contain one of the words
"""

import argparse
import pathlib
import random
import sys
import tempfile
import time
import traceback

import cases
import sanitizer
from bench import bench
from setting import Setting

sys.stdout.reconfigure(line_buffering=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--keep", type=pathlib.Path, help="the switch's folder, kept afterwards")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--bench", action="store_true", help="CPU of calls: plain, with callprint, with mod_avmd")
    parser.add_argument("--sanitize", action="store_true", help="the module was built with AddressSanitizer: look at what it finds")
    args = parser.parse_args()
    chosen = [c for c in cases.ALL if not args.words or any(w in c.name for w in args.words)]
    if args.list:
        for case in chosen:
            print(f"{case.name}: {case.sentence}")
        return 0
    random.seed(7)
    with tempfile.TemporaryDirectory(prefix="callprint-freeswitch-") as folder:
        folder = args.keep or pathlib.Path(folder)
        setting = Setting(folder, sanitizer.wrapper(folder) if args.sanitize else ())
        if args.bench:
            return bench(setting)
        status = run(chosen, setting)
        if args.sanitize:
            found = sanitizer.verdict(folder)
            print(f"FAIL sanitizer:\n{found}" if found else "PASS sanitizer: no wrong access, and no leak of callprint's")
            status = status or bool(found)
        return status


def run(chosen, setting):
    failed = []
    for case in chosen:
        begun = time.monotonic()
        try:
            switch = setting.switch()
            if case.configuration:
                setting.configure(**case.configuration)
            case.run(switch, setting)
            switch.clear()
            assert switch.alive(), f"the switch ended with status {switch.process.returncode}"
            outcome, why = "PASS", ""
        except Exception as error:  # a case may fail in any way; the others go on
            outcome = "FAIL"
            why = f"\n  {type(error).__name__}: {error}"
            if not isinstance(error, AssertionError):
                why += "\n" + traceback.format_exc()
            failed.append(case.name)
            if not setting.switch_is_alive():
                why += "\n  the switch has died:\n" + setting.tail()
                setting.forget_switch()
            else:
                setting.switch().esl.api("hupall")
                time.sleep(2)
        finally:
            if case.configuration and setting.switch_is_alive():
                setting.configure()
        print(f"{outcome} {case.name} ({time.monotonic() - begun:.1f} s): {case.sentence}{why}")
    status = setting.end()
    if status:
        print(f"FAIL shutdown: the switch ended with status {status}\n{setting.tail()}")
        failed.append("shutdown")
    print(f"{len(chosen) - len(failed)} of {len(chosen)} passed" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
