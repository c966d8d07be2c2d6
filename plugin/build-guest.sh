#!/bin/sh
# build-guest.sh OUT: builds the plugin's core module for wasm32 and puts it at OUT.
#
# The target's standard library comes from the first of these that is there:
#   1. the installed toolchain;
#   2. rustup, which downloads it;
#   3. the library's source (rustup's rust-src component, or Debian's package of exactly this
#      compiler's version), built along with the plugin. For sites without access to rustup.
# It needs no choosing and says in one line which it was.
set -eu
out=$1
root=$(cd "$(dirname "$0")/.." && pwd)
triple=wasm32-unknown-unknown
cache=$root/target/guest-std
cd "$root"

has_std() { ls "$(rustc --print target-libdir --target "$triple")"/libstd-*.rlib >/dev/null 2>&1; }

# The library's source for this compiler from Debian, signature-checked by apt, without touching
# the host's own package lists. Leaves it in $cache/<version>.
fetch_debian_source() {
    version=$1 apt=$cache/apt
    command -v apt-get >/dev/null || return 1
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    : >"$apt/status"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    [ -n "$mirror" ] || return 1
    for suite in trixie-backports trixie bookworm-backports sid; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] $mirror $suite main" >"$apt/sources"
        set -- -qq -o Dir::Etc::sourcelist="$apt/sources" -o Dir::Etc::sourceparts=/dev/null \
            -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$apt/lists" \
            -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" -o APT::Sandbox::User=root \
            -o Acquire::Languages=none -o Acquire::Retries=3 \
            -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        apt-get "$@" update >/dev/null 2>&1 || continue
        package=$(apt-cache "$@" madison rust-src | awk '{print $3}' | grep -m 1 "^$version[+-]") || continue
        (cd "$apt" && apt-get "$@" download "rust-src=$package") || continue
        rm -rf "$cache/partial" && mkdir -p "$cache/partial"
        dpkg-deb --fsys-tarfile "$apt"/rust-src_*.deb |
            tar -x -C "$cache/partial" --wildcards --no-wildcards-match-slash './usr/src/*/library' || continue
        mv "$cache"/partial/usr/src/*/library "$cache/$version"
        rm -rf "$apt" "$cache/partial"
        return 0
    done
    return 1
}

flags="-C target-feature=+simd128 -C link-arg=-zstack-size=65536"
# shellcheck disable=SC2086
build() {
    RUSTFLAGS=$flags \
        cargo build --release --locked --package callprint-plugin --lib --target "$triple" "$@"
}

version=$(rustc --version | awk '{print $2}')
sysroot_source=$(rustc --print sysroot)/lib/rustlib/src/rust/library
if has_std; then
    echo "plugin: standard library for $triple: the toolchain's own"
    build
elif [ ! -d "$sysroot_source" ] && [ ! -d "$cache/$version" ] && command -v rustup >/dev/null &&
    timeout 60 rustup -q target add "$triple" >/dev/null 2>&1 && has_std; then
    echo "plugin: standard library for $triple: downloaded by rustup"
    build
else
    source=$sysroot_source
    if [ ! -d "$source" ]; then
        source=$cache/$version
        if [ ! -d "$source" ] && ! fetch_debian_source "$version"; then
            echo "plugin: no standard library for $triple: neither rustup nor Debian has one for" >&2
            echo "rustc $version within reach; run 'rustup target add $triple' where there is network" >&2
            exit 1
        fi
    fi
    echo "plugin: standard library for $triple: built from source in $source"
    # build-std is a nightly option; the source is the stable compiler's own, so it holds. The
    # variable names the source, for want of one that is not named after cargo's tests.
    RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT=$source build -Zbuild-std=std,panic_abort
fi
mkdir -p "$(dirname "$out")"
cp "$root/target/$triple/release/callprint_plugin.wasm" "$out"
