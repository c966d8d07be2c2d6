#!/bin/sh
# Cargo's RUSTC_WRAPPER for fuzzing: compiles what reads foreign bytes for coverage and
# AddressSanitizer, and all else as ever: wasmtime takes long to build and is watched by its own
# authors. Arithmetic may overflow in others' code only, where it is as it is when it ships.
case " $* " in
*" --crate-name "build_script*) exec "$@" ;;
*" --crate-name callprint "* | *" --crate-name callprint_plugin "* | *" targets/"*.rs" "*)
    set -- "$@" -Coverflow-checks -Cdebug-assertions
    ;;
*" --crate-name symphonia"*) ;;
*) exec "$@" ;;
esac
RUSTC_BOOTSTRAP=1 exec "$@" -Zsanitizer=address -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
