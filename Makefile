# make help lists the targets. Everything is installed into .venv; nothing outside the repository changes.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_FUZZ := $(VENV)/.installed-fuzz
LINTED := rtmp media_bridge siprtmp_b2bua examples tests benchmarks
# The first of these that runs and can make environments; an empty answer is explained below.
PYTHON := $(firstword $(foreach name,python3.12 python3.11 python3 /usr/bin/python3,$(shell \
	$(name) -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	>/dev/null 2>&1 && echo $(name))))
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# What is compiled where the sources are would be imported in their place, also after they have changed.
REMOVE_COMPILED = rm -rf build *__mypyc*.so && find rtmp media_bridge siprtmp_b2bua -name '*.so' -delete

# Where this is set, each of the hundreds of programs that the tests start would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench soak fuzz compiled clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## call a SIP phone from RTMP on this machine; SERVE=1 keeps the gateway running
	@$(BIN)/python examples/demo.py $(if $(SERVE),--serve)

test: $(INSTALLED_DEV) ## run all tests; tests whose real peer is missing are skipped
	@$(BIN)/python -m tests.interop.peers
ifdef TESTS
	@$(BIN)/pytest $(TESTS)
else
	@$(BIN)/pytest -m undisturbed tests/interop tests/examples -n 2 --dist worksteal; quiet=$$?; \
	$(BIN)/pytest -m "not undisturbed" -n 4 --dist worksteal && exit $$quiet
endif

lint: $(INSTALLED_DEV) ## ruff, mypy --strict, import rules
	$(BIN)/ruff check $(LINTED)
	$(BIN)/ruff format --check $(LINTED)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED_DEV) ## put the code into ruff's format and fix what it can fix
	$(BIN)/ruff check --fix $(LINTED)
	$(BIN)/ruff format $(LINTED)

bench: $(INSTALLED_DEV) ## measure the figures of the README, half an hour or so
	@$(BIN)/python -m benchmarks

soak: $(INSTALLED) ## make calls for an hour and a half, and see whether anything grows
	@$(BIN)/python benchmarks/soak.py --check
	@$(BIN)/python benchmarks/churn.py --check
	@$(BIN)/python benchmarks/churn.py --clients 40 --steady 4 --rate 2 --hold 20 --seconds 3600 --check

fuzz: $(INSTALLED_FUZZ) ## fuzz what reads a peer's bytes for SECONDS (600), all of it or a TARGET
	@$(BIN)/python -m tests.fuzz.fuzzer $(if $(SECONDS),--seconds $(SECONDS)) $(if $(TARGET),--target $(TARGET))

compiled: $(INSTALLED_DEV) ## build a wheel in dist/ whose hot paths are C (needs gcc and python3-dev)
	HATCH_BUILD_HOOK_ENABLE_MYPYC=true $(BIN)/python -m pip wheel --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --wheel-dir dist .
	@$(REMOVE_COMPILED)
	@ls dist/*-linux_*.whl

clean: ## remove the environment, caches and build results
	rm -rf $(VENV) dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	$(REMOVE_COMPILED)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
ifeq ($(PYTHON),)
	@echo "Python 3.11 or 3.12 with its venv module is needed. On Debian 12 or Ubuntu 24.04:" >&2
	@echo "    sudo apt install python3 python3-venv" >&2
	@exit 1
endif
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(INSTALLED): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing siprtmp-b2bua into $(VENV)"
	@$(PIP_INSTALL) -e .
	@touch $@

$(INSTALLED_DEV): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing siprtmp-b2bua and the tools of its developers into $(VENV)"
	@$(PIP_INSTALL) -e '.[dev]'
	@touch $(INSTALLED) $@

$(INSTALLED_FUZZ): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing siprtmp-b2bua and its fuzzer into $(VENV)"
	@$(PIP_INSTALL) -e '.[fuzz]'
	@touch $(INSTALLED) $@
