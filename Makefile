# make build | demo | test | lint | bench | eval | install PREFIX=… — see README.md.
.DELETE_ON_ERROR:
CARGO ?= cargo
PREFIX ?= /usr/local
COMPONENT := target/plugin/callprint.wasm
GUEST_SOURCES := $(shell find plugin/src wit models/fingerprint -name '*.rs' -o -name '*.wit' -o -name '*.json') \
	plugin/Cargo.toml plugin/build-guest.sh Cargo.toml rust-toolchain.toml

.PHONY: build plugin
build: $(COMPONENT)
	$(CARGO) build --release --locked --workspace

plugin: $(COMPONENT)
$(COMPONENT): $(GUEST_SOURCES) plugin/encode/src/main.rs
	plugin/build-guest.sh target/plugin/core.wasm
	$(CARGO) run --release --locked --package callprint-encode -- target/plugin/core.wasm $@
