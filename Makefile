# Two commands do all the set-up on a fresh machine: "make run" and "make test".

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 4730

.DEFAULT_GOAL := help
.PHONY: help run fast demo test bench pytest trial compiled types lint format coverage clean

help:
	@echo "make run    serve Gearman on port $(PORT), in the foreground"
	@echo "make fast   the same, compiled first, which takes a minute once"
	@echo "make demo   a server, a worker and a client, and their results"
	@echo "make test   every test and check"
	@echo "make coverage  which lines the unit tests reach"
	@echo "make bench  how fast it is, beside gearmand and other libraries"
	@echo "make clean  remove what the others made"

# A stamp is newer than the metadata that an install depends on, or the install
# is done again. Modules that appear or vanish count: the editable install links
# each one.
MODULES := $(VENV)/modules
$(shell mkdir -p $(VENV); find txgearman twisted -name '*.py' | sort > $(MODULES).new; \
	cmp -s $(MODULES).new $(MODULES) && rm $(MODULES).new || mv $(MODULES).new $(MODULES))

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: setup.cfg setup.py pyproject.toml $(MODULES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

run: $(VENV)/installed
	$(BIN)/twistd --nodaemon --pidfile= gearman --port $(PORT)

demo: $(VENV)/installed
	$(BIN)/python examples/demo.py

# Compiled, too, where there is what that takes; where programs are required, always.
CAN_COMPILE := command -v cc >/dev/null && $(BIN)/python -c 'import os, sysconfig; \
	raise SystemExit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'

test: lint types trial pytest
	@if [ "$$TXGEARMAN_REQUIRE_PEERS" = 1 ] || { $(CAN_COMPILE); }; then \
	  $(MAKE) compiled; \
	else \
	  echo "not tested compiled: that takes a C compiler and Python's headers"; \
	fi

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/installed-dev
	$(BIN)/mypy

# Two runs: pytest-twisted keeps the reactor running from the first functional
# test on, and a unit test with the real reactor runs it itself. Functional tests
# wait for other programs much of the time, so several run at once.
AT_ONCE := $(shell expr $$(nproc) + 1)
WAITING_AT_ONCE := $(shell expr $$(nproc) + 2)

pytest: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses=$(AT_ONCE) --ignore=tests/functional
	$(BIN)/python -m pytest --numprocesses=$(WAITING_AT_ONCE) --dist=worksteal tests/functional

# The modules that every job goes through, compiled; the others as they are.
COMPILED := build/compiled

$(COMPILED)/compiled: $(VENV)/installed-dev setup.py $(shell find txgearman tests -name '*.py')
	rm -rf $(COMPILED)
	mkdir -p $(COMPILED)
	cp -r setup.py setup.cfg pyproject.toml README.md LICENSE docs txgearman twisted tests $(COMPILED)
	cd $(COMPILED) && TXGEARMAN_COMPILE=1 $(CURDIR)/$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

fast: $(COMPILED)/compiled
	PYTHONPATH=$(COMPILED) $(BIN)/twistd --nodaemon --pidfile= gearman --port $(PORT)

compiled: $(COMPILED)/compiled
	cd $(COMPILED) && $(CURDIR)/$(BIN)/python -m pytest --numprocesses=$(AT_ONCE) --ignore=tests/server/test_year.py \
	  tests/wire tests/board tests/server tests/stores

# As it is, and compiled. Some ten to twenty minutes, on a machine that has nothing
# else to do; BENCH='serving --rounds 1' for some of it.
COMPILED_SERVER := env PYTHONPATH=$(CURDIR)/$(COMPILED) $(CURDIR)/$(BIN)/twistd --nodaemon \
	--pidfile= gearman --listen=127.0.0.1 --port={port} --backlog=4096

bench: $(VENV)/installed-dev $(COMPILED)/compiled
	$(BIN)/python -m benchmarks --server 'txgearman-compiled=$(COMPILED_SERVER)' $(BENCH)

# The same unit tests again, this time without anything of pytest.
UNIT_TESTS := $(subst /,.,$(basename $(wildcard tests/test_*.py)) \
	$(patsubst %/__init__.py,%,$(filter-out tests/functional/%,$(wildcard tests/*/__init__.py))))

trial: $(VENV)/installed-dev
	$(BIN)/python -m twisted.trial --jobs=$(AT_ONCE) --temp-directory=.trial $(UNIT_TESTS)

# Which lines the unit tests reach; it takes them twice as long.
coverage: $(VENV)/installed-dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses=$(AT_ONCE) --ignore=tests/functional
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

clean:
	rm -rf $(VENV) .trial build dist benchmarks/results *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache
