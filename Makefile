# The door of the house. CMake builds; this file names what people do.
#
#   make run [ONCE=1] [PORT=8090]   a server on this machine, shown on a real recording
#   make test                       every test; ends with "N passed, N failed, N skipped"
#   make bench [STAGES="..."]        figures of this machine beside a peer's (25 minutes)
#   make soak                       five minutes of overload, 20,000 steps of cross-talk
#   make lint | asan | tsan | fuzz  single checks (make test runs bounded ones)
#   make build | install PREFIX=DIR | clean | help

PREFIX ?= /usr/local
DESTDIR ?=
BUILD = build/release
FUZZ_SECONDS ?= 60
.DEFAULT_GOAL = help
.PHONY: help run test bench soak bench_programs lint asan tsan fuzz build install clean

help:
	@sed -n 's/^#   //p' Makefile

run:
	@ONCE='$(ONCE)' PORT='$(PORT)' tools/run

test:
	@tools/run_tests

bench: bench_programs
	@STAGES='$(STAGES)' bench/run

soak: bench_programs
	@tools/setup test
	@bench/soak

bench_programs: build
	@tools/fetch --all
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD) --target bench_programs

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

install:
	@tools/setup run
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD) --target programs manual
	@cmake --install $(BUILD) --prefix '$(PREFIX)'

clean:
	rm -rf build
