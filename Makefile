# Needs only Python 3.11 or later, git and make. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.setup-stamp
SPARK_STAMP := .venv/.spark-stamp
# pip must take everything from the lock. The lock is complete, so pip resolves nothing: when it did, a release newer
# than the lock's made older pips ask for a hash that the lock does not hold.
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCKED := $(PIP) install --quiet --no-deps --require-hashes

.PHONY: help setup setup-spark demo check format test test-slow coverage bench bench-features bench-intake bench-simulate bench-train docs cards ui lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv from requirements.lock; nothing to do when nothing changed

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("riskmodel needs Python 3.11 or later; found %d.%d" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(LOCKED) -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/python -c "from riskmodel.jobs import compile_kernels; compile_kernels()"
	@touch $(STAMP)

setup-spark: $(SPARK_STAMP) ## add Spark to .venv (400 MB); running it needs Java 17

$(SPARK_STAMP): requirements/spark.lock $(STAMP)
	$(LOCKED) --no-build-isolation -r requirements/spark.lock
	@touch $(SPARK_STAMP)

demo: setup ## train on a simulated borough: about two minutes
	$(BIN)/python -m riskmodel.train

check: setup ## format, lint, types, imports, docs current
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/contract -q -p no:cacheprovider

format: setup ## write the format and the safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: setup-spark ## the suite, with branch coverage
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" --cov --cov-report= --cov-fail-under=0
	$(BIN)/python -m coverage report --fail-under=95

test-slow: setup-spark ## the long properties, simulations and mutations
	$(BIN)/python -m pytest -m slow

bench: setup ## stages timed on the default study and at four times its size
	$(BIN)/python benchmarks/stages.py

bench-features: setup ## 330 features against DuckDB and what else is installed, growth, and 100 million events (3 GB of disk)
	$(BIN)/python benchmarks/features.py --cases single-1m single-20m panel-20m growth huge

bench-intake: setup ## rows a second of each layout, whole boroughs, checks at ten million rows
	$(BIN)/python benchmarks/intake.py --large

bench-simulate: setup ## the default borough, and one of a million residents (needs 16 GB of disk)
	$(BIN)/python benchmarks/simulate.py --million

bench-train: setup ## training end to end, bootstrap by group and scoring a million rows, against the bare libraries
	$(BIN)/python benchmarks/train.py

docs: setup ## strict site build
	$(BIN)/python docs/make_pages.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

cards: setup ## regenerate model_cards/ from the default study
	$(BIN)/python -m riskmodel.train --copy-card model_cards

ui: setup ## MLflow's page on 127.0.0.1
	$(BIN)/mlflow ui --backend-store-uri sqlite:///runs/mlflow.db --host 127.0.0.1 --port 5000

lock: ## resolve the dependencies again (needs uv)
	uv pip compile pyproject.toml requirements/cpu.in --extra dev --extra docs --extra link --extra tune --extra bayes --extra fairness \
	  --override requirements/overrides.txt --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	uv pip compile requirements/spark.in -c requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -o requirements/spark.lock

clean: ## remove what can be made again, but no run
	rm -rf .venv site .mypy_cache .ruff_cache .pytest_cache
