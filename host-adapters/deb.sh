#!/bin/bash
# deb.sh SWITCH OUT.deb: a package of the module for Asterisk or FreeSWITCH, libcallprint and the command. Run by the
# module's Makefile, in its folder; needs dpkg-deb. VERSION, ABI, BUILT and what else the package NEEDS come from there.
set -euo pipefail
switch=$1 out=$2 tree=$(mktemp -d)
user=${switch,,}
chmod 755 "$tree"
trap 'rm -rf "$tree"' EXIT

install -D -m 755 "$BUILT/callprint" "$tree/usr/bin/callprint"
install -D -m 644 "$BUILT/libcallprint.so" "$tree/usr/lib/libcallprint.so.$ABI"
make --no-print-directory -s install DESTDIR="$tree" PREFIX=/usr
mkdir -p "$tree"/{DEBIAN,etc/callprint/packs,usr/share/callprint/{rules,packs},usr/share/doc/callprint-$user}
install -m 644 ../../models/rules/*.json "$tree/usr/share/callprint/rules/"
install -m 644 ../../models/packs/*.json "$tree/usr/share/callprint/packs/"
install -m 644 README.md "$tree/usr/share/doc/callprint-$user/README.md"
install -m 644 ../../models/SOURCES.md "$tree/usr/share/doc/callprint-$user/SOURCES.md" # whose the packs are
install -m 644 ../../LICENSE-MIT "$tree/usr/share/doc/callprint-$user/copyright"
# What the C library must have, for what was built against this machine's.
libc=$(objdump -T "$BUILT/libcallprint.so" "$BUILT/callprint" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)
cat >"$tree/DEBIAN/control" <<CONTROL
Package: callprint-$user
Version: $VERSION
Architecture: $(dpkg --print-architecture)
Maintainer: the callprint project
Section: comm
Priority: optional
Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1$NEEDS
Enhances: $user
Provides: callprint-module
Conflicts: callprint-module
Installed-Size: $(du -sk "$tree" | cut -f1)
Description: tells $switch what is really on the line
 Recognises known robocall scripts, answering machines, their beeps, fax and
 call-progress tones in live calls, in a WebAssembly sandbox on threads of its
 own, and acts by rules: variables, events, hang up, redirect, decoy.
CONTROL
(cd "$tree" && find etc -type f -printf '/%p\n') >"$tree/DEBIAN/conffiles"
printf '#!/bin/sh\nset -e\nldconfig\n' | tee "$tree/DEBIAN/postinst" >"$tree/DEBIAN/postrm"
echo 'if [ "$1" = purge ]; then rm -rf /var/lib/callprint; fi' >>"$tree/DEBIAN/postrm"
# Where the switch bakes what it finds in a watched folder of packs.
echo "if getent passwd $user >/dev/null; then chown $user: /var/lib/callprint; fi" >>"$tree/DEBIAN/postinst"
chmod 755 "$tree/DEBIAN/postinst" "$tree/DEBIAN/postrm"
dpkg-deb --root-owner-group --build "$tree" "$out"
