#!/bin/sh
# run.sh TARGET SECONDS: feeds a target until it has used so many seconds of processor time, or has
# found something, which is then in target/fuzz/found.
set -eu
cd "$(dirname "$0")/../../.."
target=$1 seconds=$2
out=target/fuzz
log=$out/$target.log
mkdir -p "$out/corpus/$target" "$out/found"
# What it allocates for threads that go on is no leak; two copies of a static are cargo's doing.
ASAN_OPTIONS=detect_odr_violation=0 nice -n 19 "$out/release/$target" -max_len=20000 -timeout=120 \
    -rss_limit_mb=4096 -detect_leaks=0 -print_final_stats=1 -artifact_prefix="$out/found/$target-" \
    "$out/corpus/$target" "host-adapters/runtime/fuzz/corpus/$target" >"$log" 2>&1 &
pid=$!
trap 'kill -INT $pid' INT TERM
used=0
while now=$(ps -o times= -p $pid) && [ -n "$now" ]; do
    used=$now
    [ "$used" -lt "$seconds" ] || kill -INT $pid
    sleep 2
done
status=0
wait $pid || status=$?
echo "$target: $((used)) s of processor time; $(grep -o 'number_of_executed_units: [0-9]*' "$log" || true)"
# How libFuzzer ends when it is interrupted.
[ "$status" = 72 ] || {
    echo "$target: found something, or ended with $status: see $log and $out/found" >&2
    exit 1
}
