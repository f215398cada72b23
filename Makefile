# Every target sets up what it needs; PYTHON is any Python from 3.11 on.
PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/
WORKS  := .venv-frameworks
TORCH  := 2.13.0
ROOMS  := core allocation budgets
COVERING := $(ROOMS:%=tests/%) $(ROOMS:%=src/trainfare/%) tests/flows/test_alerts.py
MUTATED ?= core/money.py core/period.py core/price.py allocation/quantity.py allocation/proportion.py budgets/forecast.py
SHOWN  := transformers_trainer lightning_trainer keras_fit accelerate_loop jax_flax optuna_study ray_train

.PHONY: help setup frameworks examples demo docs reference pictures test test-long coverage mutation check format lock audit bench bench-light dist system-deps clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.done ## make the virtual environment from the hash-pinned lock

$(VENV)/.done: requirements/dev.lock requirements/uv.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Trainfare needs Python 3.11 or newer; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	test -x $(RUN)python || $(PYTHON) -m venv $(VENV)
	$(RUN)python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	$(RUN)uv pip sync --quiet --python $(RUN)python --require-hashes requirements/dev.lock requirements/uv.lock
	$(RUN)uv pip install --quiet --python $(RUN)python --no-deps --no-build-isolation -e .
	touch $@

frameworks: $(WORKS)/.done ## make the environment of the training frameworks that tests drive

$(WORKS)/.done: requirements/frameworks.lock pyproject.toml $(VENV)/.done
	test -x $(WORKS)/bin/python || $(RUN)python -m venv $(WORKS)
	$(WORKS)/bin/python -m pip install --quiet --quiet --disable-pip-version-check torch==$(TORCH)
	$(RUN)uv pip install --quiet --python $(WORKS)/bin/python --no-deps --require-hashes -r requirements/frameworks.lock
	$(RUN)uv pip install --quiet --python $(WORKS)/bin/python --no-deps -e .
	touch $@

demo: setup ## meter a real training, then bring in a company's month that is made up
	$(RUN)python examples/demo.py

examples: setup frameworks ## run every example: frameworks here, pipelines each in a throw-away environment
	for one in $(SHOWN); do \
	  echo "examples/$$one.py"; TRAINFARE_HOME=.demo/home $(WORKS)/bin/python examples/$$one.py || exit 1; \
	done
	TRAINFARE_HOME=.demo/home $(WORKS)/bin/python -m torch.distributed.run --standalone --nproc-per-node=2 examples/torch_ddp.py
	for one in $$(grep -l '^# /// script' examples/*.py); do \
	  echo "$$one"; \
	  $(RUN)uv run --quiet --no-project --with-editable . --script $$one || exit 1; \
	done

test: setup frameworks ## run all tests
	$(RUN)python -m pytest -n 2 -m "not long"
	$(WORKS)/bin/python -m pytest -n 2 -m "not long" tests/integrations

test-long: setup frameworks ## the heavy suites
	$(RUN)python -m pytest -n 2 -m long
	$(WORKS)/bin/python -m pytest -n 2 -m long tests/integrations

coverage: setup ## branches of core, allocation and budgets that tests take; fails under 95 %
	$(RUN)python -m coverage run -m pytest -m "not long" $(COVERING)
	$(RUN)python -m coverage report

mutation: setup ## change some files (MUTATED=…) in every small way, and see whether tests notice
	$(RUN)python tests/mutation.py $(MUTATED)

check: setup ## format check, lint, types, import contracts, then exactly what `make test` runs
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(MAKE) test

format: setup ## format and sort
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

lock: ## pin every dependency again, with hashes and without addresses
	echo pyspark | $(RUN)uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --excludes /dev/stdin --all-extras --group dev pyproject.toml -o requirements/dev.lock
	printf 'torch\ntorchvision\n' | $(RUN)uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --excludes /dev/stdin --extra analytics --group frameworks pyproject.toml -o requirements/frameworks.lock
	echo uv | $(RUN)uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate - -o requirements/uv.lock

audit: setup ## compare the pinned packages with known vulnerabilities (needs the network)
	$(RUN)python -m pip_audit --strict --disable-pip --require-hashes -r requirements/dev.lock || { \
	  echo "audit: either a package above is known to be vulnerable, or (not found, no connection) no index answered that tells of vulnerabilities; then nothing was checked" >&2; exit 1; }

docs: setup ## build the site of docs/ into docs/_site; a warning is an error
	$(RUN)sphinx-build --quiet --fail-on-warning --keep-going -c docs . docs/_site
	@echo "open docs/_site/index.html"

reference: setup ## write the pages of docs/reference that are made from the code
	$(RUN)python -m docs.press

pictures: setup ## take the pictures of docs/pictures anew (needs chromium)
	$(RUN)python -m docs.press.pictures

bench: setup ## measure Trainfare beside its peers and limits: bench/RESULTS.md, some hours
	$(RUN)python -m bench.run

dist: setup ## build sdist and wheel into dist/
	$(RUN)python -m hatchling build

bench-light: setup ## a look at it, some minutes; fails where a ratio is worse than the baseline
	$(RUN)python -m bench.run --light

system-deps: ## install with apt what some tests drive for real (compiler, …)
	command -v apt-get >/dev/null || { echo "apt-get is not here; install gcc by your own means"; exit 0; }; \
	  apt-get update -qq && apt-get install -y -qq gcc libc6-dev poppler-utils chromium postgresql \
    slurm-wlm slurmdbd munge mariadb-server prometheus systemd fontconfig fonts-droid-fallback

clean: ## remove everything that was built
	rm -rf $(VENV) $(WORKS) .demo .team docs/_site dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
