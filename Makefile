# make build | demo | test | lint | bench | eval | install PREFIX=/usr/local; README.md says more.
# make asterisk | install-asterisk | deb-asterisk | test-asterisk: host-adapters/asterisk/README.md; freeswitch likewise.
.DELETE_ON_ERROR:
.PHONY: build plugin demo test lint bench eval install clean
.PHONY: asterisk install-asterisk deb-asterisk test-asterisk
.PHONY: freeswitch install-freeswitch deb-freeswitch test-freeswitch

CARGO ?= cargo
PREFIX ?= /usr/local
DESTDIR ?=
COMPONENT := target/plugin/callprint.wasm
CALLPRINT := target/release/callprint
RUNTIME := host-adapters/runtime
LIBRARY := target/release/libcallprint.so
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
ABI := $(shell sed -n 's/^\#define CALLPRINT_ABI //p' $(RUNTIME)/include/callprint.h)
TOOLS := target/tools/bin
GUEST_SOURCES := $(shell find plugin/src wit models -name '*.rs' -o -name '*.wit' -o -name '*.json') \
	plugin/Cargo.toml plugin/build-guest.sh plugin/encode/src/main.rs Cargo.lock rust-toolchain.toml

build: plugin
	$(CARGO) build --release --locked --workspace

plugin: $(COMPONENT)
$(COMPONENT): $(GUEST_SOURCES)
	plugin/build-guest.sh target/plugin/core.wasm
# Of the whole workspace, so that what it shares with the rest is compiled once.
	$(CARGO) build --release --locked --workspace --bin callprint-encode
	target/release/callprint-encode target/plugin/core.wasm $@

demo: build
	$(CALLPRINT) demo --html target/demo/report.html

test: build
	$(CARGO) test --release --locked --workspace
	python3 conformance/eval/run.py quick
	$(MAKE) test-freeswitch
	$(MAKE) test-asterisk

eval: build
	python3 conformance/eval/run.py full

bench: build
	$(CARGO) bench --locked --workspace

lint: plugin $(TOOLS)/cargo-deny
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	$(TOOLS)/cargo-deny --log-level error check bans licenses sources

# Licences are checked with every change; advisories need the advisory database and are left to
# `cargo deny check advisories` where there is a way to it.
$(TOOLS)/cargo-deny:
	$(CARGO) install --quiet --locked --debug --root target/tools --version $(CARGO_DENY_VERSION) cargo-deny
CARGO_DENY_VERSION := 0.20.2

install: build
	install -D -m 755 $(CALLPRINT) $(DESTDIR)$(PREFIX)/bin/callprint
	install -D -m 644 $(COMPONENT) $(DESTDIR)$(PREFIX)/share/callprint/callprint.wasm
	install -D -m 644 wit/callprint.wit $(DESTDIR)$(PREFIX)/share/callprint/callprint.wit
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/callprint/rules models/rules/*.json
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/callprint/schema models/schema/*.json
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/callprint/packs models/packs/*.json
	install -D -m 644 $(LIBRARY) $(DESTDIR)$(PREFIX)/lib/libcallprint.so.$(ABI).$(VERSION)
	ln -sf libcallprint.so.$(ABI).$(VERSION) $(DESTDIR)$(PREFIX)/lib/libcallprint.so.$(ABI)
	ln -sf libcallprint.so.$(ABI) $(DESTDIR)$(PREFIX)/lib/libcallprint.so
	install -D -m 644 $(RUNTIME)/include/callprint.h $(DESTDIR)$(PREFIX)/include/callprint.h
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' $(RUNTIME)/callprint.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/callprint.pc
	test -n "$(DESTDIR)" || test "$$(id -u)" != 0 || ldconfig

asterisk: build
	$(MAKE) -C host-adapters/asterisk

install-asterisk: install asterisk
	$(MAKE) -C host-adapters/asterisk install

deb-asterisk: build
	$(MAKE) -C host-adapters/asterisk deb

# All of it in Asterisk 22; in 16 what another version may change, under AddressSanitizer.
test-asterisk: build
	host-adapters/asterisk/tests/run.sh sid
	host-adapters/asterisk/tests/run.sh bullseye --brief --sanitize

# Need FreeSWITCH's headers: pkg-config --exists freeswitch. The tests against a switch say SKIPPED
# without.
freeswitch: build
	$(MAKE) -C host-adapters/freeswitch

install-freeswitch: install freeswitch
	$(MAKE) -C host-adapters/freeswitch install

deb-freeswitch: build
	$(MAKE) -C host-adapters/freeswitch deb

test-freeswitch: build
	$(MAKE) -C host-adapters/freeswitch test

clean:
	$(CARGO) clean
