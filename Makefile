# make demo   set up, then real pull requests checked end to end (KEEP=1 leaves the bot running, BACKEND=koji builds in
#             a hub of its own; also copr, mock; FORGE=gitlab opens them on a GitLab; also forgejo)
# make test   set up, then every check
# make lock   write the lock files anew
PYTHON := .venv/bin/python
PYTEST_ARGS ?=

.PHONY: demo test check lint types layers unit bench oracles lock format setup clean

setup:
	@scripts/setup dev

demo:
	@scripts/setup run
	@$(PYTHON) -m demo $(if $(KEEP),--keep) $(if $(BACKEND),--backend $(BACKEND)) $(if $(FORGE),--forge $(FORGE))

test: setup check unit

check: lint types layers

lint:
	$(PYTHON) -m ruff format --check --quiet .
	$(PYTHON) -m ruff check --quiet .

types:
	$(PYTHON) -m mypy

layers:
	.venv/bin/lint-imports --no-cache

unit:
	@scripts/run-tests $(PYTEST_ARGS)

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

bench: setup
	@benchmarks/setup
	$(PYTHON) -m benchmarks

oracles: setup
	$(PYTHON) -m benchmarks.oracles
	$(PYTHON) -m benchmarks.exactness

lock:
	scripts/lock

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
