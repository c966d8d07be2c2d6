"""AddressSanitizer and UndefinedBehaviorSanitizer in a switch that was not built for them: for the tests of the adapters."""


def options(report):
    """The environment of the switch; `report` is where each process writes what it finds.

    Wasm uses the signals itself, and the switch is to go on and tell all that is found."""
    return [
        "ASAN_OPTIONS=detect_leaks=1:handle_segv=0:handle_sigill=0:handle_sigfpe=0:handle_sigbus=0:"
        f"allow_user_segv_handler=1:exitcode=0:verbosity=1:log_path={report}",
        f"UBSAN_OPTIONS=print_stacktrace=1:log_path={report}",
    ]
