# The door of the house. CMake builds; this file names what people do.
#
#   make run [ONCE=1] [PORT=8090]   a server on this machine, shown on a real recording
#   make test                       every test; ends with "N passed, N failed, N skipped"
#   make bench                      figures of this machine beside a peer's
#   make lint | asan | tsan | fuzz  single checks (make test runs bounded ones)
#   make build | install PREFIX=DIR | clean | help

PREFIX ?= /usr/local
DESTDIR ?=
BUILD = build/release
FUZZ_SECONDS ?= 60
.DEFAULT_GOAL = help
.PHONY: help run test bench lint asan tsan fuzz build install clean

help:
	@sed -n 's/^#   //p' Makefile

run:
	@ONCE='$(ONCE)' PORT='$(PORT)' tools/run

test:
	@tools/run_tests

bench: build
	@tools/fetch --all
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD) --target bench_programs
	@bench/run

lint:
	@tools/lint

asan:
	@tools/run_tests asan

tsan:
	@tools/run_tests tsan

fuzz:
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/run_tests fuzz

build:
	@tools/setup run
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD)

install: build
	@cmake --install $(BUILD) --prefix '$(PREFIX)'

clean:
	rm -rf build
