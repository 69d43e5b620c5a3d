# Everything starts here; each target installs what it needs first. Debian 12, root.
#   make run PORT_BASE=20000 SANDBOX=/var/lib/caiyou-2     a second sandbox beside the first
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
PORT_BASE ?= $(CAIYOU_PORT_BASE)
SANDBOX ?= $(CAIYOU_SANDBOX)
export CAIYOU_PORT_BASE := $(PORT_BASE)
export CAIYOU_SANDBOX := $(SANDBOX)
export PYTHONWARNINGS :=

CAIYOU := .venv/bin/caiyou
BENCHMARKS := mailflow directory notify cmpp

.PHONY: help setup run stop status reset check test test-setup test-plain test-live bench
help:
	@echo 'make run     start the whole system on loopback, send a first mail through, show what happened'
	@echo 'make status  each process and carrier link, up or down, and why'
	@echo 'make stop    stop it; mail and settings stay (make reset deletes them)'
	@echo 'make check   lint, types, import rules'
	@echo 'make test    the above and every test, on real servers'
	@echo 'make bench   figures, as ratios of one run'

setup:
	@sandbox/install
	@sandbox/venv

run: setup
	@$(CAIYOU) sandbox start --mail

stop status reset:
	@test -x $(CAIYOU) || { echo 'caiyou: nothing is installed yet; make run' >&2; exit 3; }
	@$(CAIYOU) sandbox $@

# All of them, whichever fails.
check: setup
	@failed=; \
	.venv/bin/ruff check --quiet . || failed+=' ruff'; \
	.venv/bin/ruff format --quiet --check . || { .venv/bin/ruff format --check .; failed+=' format'; }; \
	.venv/bin/mypy || failed+=' mypy'; \
	.venv/bin/lint-imports --no-logo || failed+=' imports'; \
	[ -z "$$failed" ] || { echo "caiyou: failed:$$failed" >&2; exit 1; }

test: check test-plain test-live

test-setup: setup
	@sandbox/install postgresql tshark kannel kannel-extras gammu gammu-smsd smstools nodejs npm chromium imagemagick file libxml2-utils

test-plain: test-setup
	@.venv/bin/pytest -q -m 'not live'

test-live: test-setup
	@.venv/bin/pytest -q -m live

bench: setup
	@for name in $(BENCHMARKS); do .venv/bin/python -m bench.$$name; done
