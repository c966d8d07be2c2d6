#!/bin/bash
# chroot.sh ROOT SUITE: an Asterisk with sipp and the headers for modules under ROOT, from Debian's packages.
# Nothing is installed on this machine. Needs root, and the mirror that apt is set up with.
set -euo pipefail
root=$(mkdir -p "$1" && cd "$1" && pwd) suite=$2 debs=$root.debs
here=$(cd "$(dirname "$0")" && pwd)
[ ! -e "$root/ready" ] || exit 0

rm -rf "$root"
mkdir -p "$debs"/{lists/partial,archives/partial,single} "$root"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] $mirror $suite main" >"$debs/sources"
: >"$debs/status"
apt=(-qq -o "Dir::Etc::sourcelist=$debs/sources" -o Dir::Etc::sourceparts=/dev/null
  -o Dir::Etc::preferencesparts=/dev/null -o "Dir::State::lists=$debs/lists" -o "Dir::State::status=$debs/status"
  -o "Dir::Cache=$debs" -o APT::Install-Recommends=false -o APT::Sandbox::User=root
  -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
  -o APT::Keep-Downloaded-Packages=true)
if ! [ -e "$debs/complete" ]; then
  apt-get "${apt[@]}" update
  apt-get "${apt[@]}" -y --download-only install asterisk asterisk-core-sounds-en-gsm sip-tester base-files dash coreutils >/dev/null
  # Headers only: what its package depends on is for building packages.
  (cd "$debs/single" && apt-get "${apt[@]}" download asterisk-dev)
  touch "$debs/complete"
fi

mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{dev,proc,tmp,root}
for d in bin sbin lib lib64; do [ -e "$root/$d" ] || ln -s "usr/$d" "$root/$d"; done
unpack() { dpkg-deb --fsys-tarfile "$1" | tar -x -C "$root" --keep-directory-symlink --no-same-owner "${@:2}"; }
for deb in "$debs"/archives/*.deb; do
  unpack "$deb" --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale
done
unpack "$debs"/single/asterisk-dev_*.deb ./usr/include
# An older suite's C library cannot load what is built here; this machine's can run what is older.
version() { "${@:2}" "$(cd "$1" && find usr/lib lib -name libc.so.6 -printf '/%p\n' | head -1)" | sed -n '1s/.*version \([0-9.]*[0-9]\).*/\1/p'; }
ours=$(version /) theirs=$(version "$root" chroot "$root")
if [ "$theirs" != "$ours" ] && [ "$(printf '%s\n' "$ours" "$theirs" | sort -V | tail -1)" = "$ours" ]; then
  (cd "$debs/single" && apt-get -qq download libc6 libgcc-s1)
  for deb in "$debs"/single/lib*.deb; do unpack "$deb" --exclude=./usr/share; done
fi

for node in null:3 zero:5 random:8 urandom:9; do mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"; done
echo root:x:0:0::/root:/bin/sh >"$root/etc/passwd"
echo root:x:0: >"$root/etc/group"
chmod 1777 "$root/tmp"
mkdir -p "$root"/var/{lib/asterisk/keys,log/asterisk,spool/asterisk/outgoing} "$root/var/lib/callprint" "$root/run/asterisk"
[ -e "$root/var/run" ] || ln -s ../run "$root/var/run"
ln -sfn en_US_f_Allison "$root/usr/share/asterisk/sounds/en"
ldconfig -r "$root"
modules=$(cd "$root" && find usr/lib -name app_amd.so -printf '/%h\n')
mv "$root/etc/asterisk" "$root/etc/asterisk.packaged"
cp -r "$here/etc" "$root/etc/asterisk"
cp "$root"/etc/asterisk.packaged/{amd,indications}.conf "$root/etc/asterisk/"
sed -i "s|@MODULES@|$modules|" "$root/etc/asterisk/asterisk.conf"
chroot "$root" /usr/sbin/asterisk -V | tee "$root/ready"
