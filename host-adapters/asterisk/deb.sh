#!/bin/bash
# deb.sh OUT.deb: a package of the module, libcallprint and the command, for the Asterisk whose headers are installed.
# Needs dpkg-deb only; VERSION, MAJOR and the folders come from the Makefile.
set -euo pipefail
out=$1 tree=$(mktemp -d)
chmod 755 "$tree"
trap 'rm -rf "$tree"' EXIT
arch=$(dpkg --print-architecture)

install -D -m 755 "$BUILT/callprint" "$tree/usr/bin/callprint"
install -D -m 644 "$BUILT/libcallprint.so" "$tree/usr/lib/libcallprint.so.$ABI"
make --no-print-directory -s install DESTDIR="$tree"
mkdir -p "$tree"/{DEBIAN,etc/callprint/packs,var/lib/callprint,usr/share/callprint/rules,usr/share/doc/callprint-asterisk}
install -m 644 ../../models/rules/*.json "$tree/usr/share/callprint/rules/"
install -m 644 README.md "$tree/usr/share/doc/callprint-asterisk/README.md"
install -m 644 ../../LICENSE-MIT "$tree/usr/share/doc/callprint-asterisk/copyright"
# What the C library must have, for what was built against this machine's.
libc=$(objdump -T "$BUILT/libcallprint.so" "$BUILT/callprint" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)
cat >"$tree/DEBIAN/control" <<CONTROL
Package: callprint-asterisk
Version: $VERSION
Architecture: $arch
Maintainer: the callprint project
Section: comm
Priority: optional
Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1, asterisk (>= 1:$ASTERISK_MAJOR), asterisk (<< 1:$((ASTERISK_MAJOR + 1)))
Installed-Size: $(du -sk "$tree" | cut -f1)
Description: tells Asterisk what is really on the line
 Recognises known robocall scripts, answering machines, their beeps, fax and
 call-progress tones in live calls, in a WebAssembly sandbox on threads of its
 own, and acts by rules: variables, events, hang up, redirect, decoy.
CONTROL
echo /etc/asterisk/callprint.conf >"$tree/DEBIAN/conffiles"
printf '#!/bin/sh\nset -e\nldconfig\n' | tee "$tree/DEBIAN/postinst" >"$tree/DEBIAN/postrm"
# Where Asterisk bakes what it finds in a watched folder of packs.
echo 'if getent passwd asterisk >/dev/null; then chown asterisk: /var/lib/callprint; fi' >>"$tree/DEBIAN/postinst"
chmod 755 "$tree/DEBIAN/postinst" "$tree/DEBIAN/postrm"
dpkg-deb --root-owner-group --build "$tree" "$out"
