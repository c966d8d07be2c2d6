# make build | demo | test | lint | bench | eval | install PREFIX=/usr/local; README.md says more.
# make model | endurance | fuzz: host-adapters/runtime/README.md.
# make asterisk | install-asterisk | deb-asterisk | test-asterisk: host-adapters/asterisk/README.md; freeswitch likewise.
.DELETE_ON_ERROR:
.PHONY: build plugin demo test lint bench eval install clean
.PHONY: model model-thread endurance fuzz
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
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
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

# All orders in which a media thread and a worker can use a ring.
model:
	RUSTFLAGS='--cfg loom' $(CARGO) test --release --locked --lib --target-dir target/model \
		--manifest-path $(RUNTIME)/ring-model/Cargo.toml -- --nocapture --test-threads=1

# The ring under ThreadSanitizer, a nightly option of the compiler that this one has too.
model-thread:
	RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer' \
		TSAN_OPTIONS=suppressions=$(CURDIR)/$(RUNTIME)/ring-model/tsan.txt \
		$(CARGO) test --release --locked --lib --target-dir target/model --target $(HOST) \
		--manifest-path $(RUNTIME)/ring-model/Cargo.toml

# What takes minutes: two hours of calls, three times the load that can be borne, a thousand reloads,
# fifty killed bakes. `make endurance TEST=reloads` runs those with that in their name.
TEST ?=
endurance: build
	$(CARGO) test --release --locked --workspace --test host --test background -- \
		--ignored --nocapture --test-threads=1 $(TEST)

# Each target for so many seconds of processor time; what it finds is put under target/fuzz. New
# inputs go to target/fuzz too: the corpus beside the targets stays small.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= recording pack rules abi
FUZZ := $(RUNTIME)/fuzz
fuzz: plugin
	RUSTC_WRAPPER=$(CURDIR)/$(FUZZ)/rustc.sh $(CARGO) build --release --locked --target-dir target/fuzz \
		--manifest-path $(FUZZ)/Cargo.toml
	for target in $(FUZZ_TARGETS); do \
		$(FUZZ)/run.sh $$target $(FUZZ_SECONDS) || exit; \
	done

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
