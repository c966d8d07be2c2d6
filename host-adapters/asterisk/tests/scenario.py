"""Scenarios: a name, a sentence, and a function that checks; they pass or fail one by one."""

import time
import traceback

SCENARIOS = []


class Failure(Exception):
    """What is not as it should be."""


def check(holds, otherwise):
    if not holds:
        raise Failure(otherwise)


class Scenario:
    def __init__(self, name, sentence, function):
        self.name, self.sentence, self.function = name, sentence, function

    def run(self, *arguments):
        """Whether it passed. The function may return what is worth telling."""
        began = time.monotonic()
        try:
            told = self.function(*arguments)
        except Exception as error:
            print(f"FAIL {self.name}: {self.sentence}\n     {error}", flush=True)
            if not isinstance(error, Failure):
                traceback.print_exc()
            return False
        print(f"PASS {self.name} ({time.monotonic() - began:.1f} s){f': {told}' if told else ''}", flush=True)
        return True


def scenario(name, sentence):
    def register(function):
        SCENARIOS.append(Scenario(name, sentence, function))
        return function

    return register
