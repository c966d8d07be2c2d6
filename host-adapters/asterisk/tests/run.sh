#!/bin/bash
# run.sh [SUITE] [run.py's arguments]: builds the module against the Asterisk of a Debian suite (sid: 22, bullseye: 16)
# and runs the scenarios in it. Says SKIPPED, and why, where this machine cannot.
set -euo pipefail
cd "$(dirname "$0")/../../.."
suite=${1:-sid} work=target/asterisk
root=$work/$suite here=host-adapters/asterisk
shift || true

skip() { echo "!!! asterisk ($suite): SKIPPED, nothing was tested: $1" >&2; exit 0; }
[ "$(id -u)" = 0 ] || skip "unpacking an Asterisk and a network of its own need root"
for tool in apt-get dpkg-deb unshare mount ip python3 cc; do
  command -v $tool >/dev/null || skip "there is no '$tool'"
done
unshare -nm true 2>/dev/null || skip "this system allows no network namespace"
apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 2>/dev/null | grep -q . || skip "apt knows no Debian mirror; try 'apt-get update'"
mkdir -p $work
if ! [ -e $root/ready ] && ! $here/tests/chroot.sh $root $suite >$work/$suite.log 2>&1; then
  tail -5 $work/$suite.log >&2
  grep -qE "Could not (resolve|connect)|Failed to fetch|Temporary failure" $work/$suite.log || exit 1
  skip "Debian's packages cannot be fetched"
fi

major=$(sed 's/[^0-9]*\([0-9]*\).*/\1/' $root/ready)
cflags='-O2 -g' out=$major
if [[ " $* " == *" --sanitize "* ]]; then
  # Its library is this machine's, so the suite's C library must be too: chroot.sh sees to that for older ones.
  cflags='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined' out=$major-sanitize
  for library in libasan.so libubsan.so libstdc++.so; do
    file=$(readlink -f "$(cc -print-file-name=$library)")
    install -m 755 "$file" "$root/usr/lib/$(basename "$file")"
    ln -sf "$(basename "$file")" "$root/usr/lib/$library"
  done
fi
make --no-print-directory -s -C $here install CFLAGS="$cflags" LDFLAGS="$cflags" OUT="$PWD/$work/$out" ASTERISK_INCLUDE="$PWD/$root/usr/include" ASTERISK_MAJOR="$major" \
  DESTDIR="$PWD/$root" MODULES="$(dirname "$(cd $root && find usr/lib -name app_amd.so -printf '/%p\n')")" DOCUMENTATION=/usr/share/asterisk/documentation
# The same for an Asterisk that is not there: it must refuse to load.
make --no-print-directory -s -C $here OUT="$PWD/$work/$out-other" ASTERISK_INCLUDE="$PWD/$root/usr/include" ASTERISK_MAJOR=99
install -m 644 $work/$out-other/app_callprint.so "$(dirname "$(find $root/usr/lib -name app_callprint.so)")/app_callprint_other.so"
install -m 644 target/release/libcallprint.so $root/usr/lib/libcallprint.so.1
ldconfig -r $root 2>/dev/null
cp -r $here/tests/etc/{ari,callprint,extensions,http,modules,pjsip}.conf $here/tests/etc/rules-*.json $root/etc/asterisk/

# The demo's scripts make the analyzer that they are looked for with. The other one misbehaves on demand.
if ! [ $work/hostile.cwasm -nt target/release/callprint ]; then
  rm -f $work/demo.json
  target/release/callprint --quiet enroll --list models/demo/scripts.csv --pack $work/demo.json
  target/release/callprint --quiet bake --pack $work/demo.json --out $work/analyzer.cwasm
  target/release/callprint --quiet bake --plugin conformance/hostile/guest.wasm --out $work/hostile.cwasm
fi
install -m 644 $work/analyzer.cwasm $root/var/lib/callprint/analyzer.cwasm

echo "asterisk: $(cat $root/ready)"
exec unshare -nm bash -c 'ip link set lo up && exec python3 "$@"' - $here/tests/run.py $root "$@"
