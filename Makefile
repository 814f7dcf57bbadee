# Nuri. `make` alone says what there is.

.DEFAULT_GOAL := help
.PHONY: help setup build test up down clean-data bench bench-router fuzz tsan lint format

help:
	@echo 'make up          install what is missing, build, start Nuri, push an example, print its URL'
	@echo '                 (UP="--listen 127.0.0.1:9080 --api 127.0.0.1:9081": other ports)'
	@echo 'make down        stop Nuri and everything that it runs; data stays'
	@echo 'make clean-data  make down, and remove the data too'
	@echo 'make test        every check: style, builds, unit, sim, fuzz, differential, end to end'
	@echo 'make bench       the measured promises'
	@echo 'make bench-router  the router's: against nginx and HAProxy, table changes, slow readers'
	@echo
	@echo 'make setup       Debian packages and system users'
	@echo 'make build       the release build, into build/release/bin'
	@echo 'make lint        clang-format and clang-tidy'
	@echo 'make format      rewrite C++ as clang-format wants it'
	@echo 'make fuzz        each fuzzer for FUZZ_SECONDS (600)'
	@echo 'make tsan        unit and simulation tests with ThreadSanitizer'

setup:
	@tools/setup

build: setup
	@cmake --preset release >/dev/null && cmake --build --preset release

test: setup
	@exec tools/check

up:
	@exec tools/up $(UP)

down:
	@exec tools/down

clean-data:
	@exec tools/down --clean-data

bench: build
	@exec bench/run

bench-router: build
	@failed=0; for one in router table_changes slow_readers; do bench/$$one || failed=1; done; \
	exit $$failed

FUZZ_SECONDS ?= 600
fuzz: setup
	@exec tools/check --fuzz-seconds $(FUZZ_SECONDS) fuzz

tsan: setup
	@exec tools/check --preset tsan unit

lint: setup
	@exec tools/lint

format: setup
	@exec tools/lint --fix
