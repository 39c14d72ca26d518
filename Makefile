# The two commands of the README, each doing all its own set-up on a machine that has only python3 (venv, pip).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= campwatch-demo

.PHONY: demo test env dev lint types layers unit browser docs sbom lock clean

demo: $(VENV)/.demo  ## the main job on real imagery: a table, a map, nothing new the second time
	$(BIN)/campwatch demo "$(DEMO)"

test: lint  ## everything that must hold; types and layers are checked beside the tests, for they need one processor
	$(MAKE) --jobs=2 types unit layers

env: $(VENV)/.env  ## .venv with the campwatch command in it

$(VENV)/.env: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.demo: $(VENV)/.env requirements-demo.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-demo.lock
	touch $@

dev: $(VENV)/.dev

$(VENV)/.dev: $(VENV)/.demo requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/oxlint --deny-warnings maps/assets

types: dev
	$(BIN)/mypy
	$(BIN)/python tests/check_page_types.py

layers: dev
	$(BIN)/lint-imports

unit: dev browser  ## the modules that commands in processes of their own load are compiled once
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --junitxml=build/tests.xml

browser:  ## Debian's chromium, for the tests of the maps
	@sh tests/need_chromium.sh

docs: dev  ## the manual as pages that open from disk, search included: build/manual, and as an archive in dist/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	mkdir -p dist
	$(BIN)/python -m zipfile -c dist/campwatch-manual.zip build/manual/

sbom: dev  ## what a user gets installed: bill of materials (CycloneDX) and licences, in dist/
	$(PYTHON) -m venv build/shipped
	build/shipped/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	build/shipped/bin/python -m pip uninstall --quiet --yes pip
	mkdir -p dist
	$(BIN)/cyclonedx-py environment --output-reproducible --of JSON -o dist/campwatch-sbom.json build/shipped/bin/python
	$(BIN)/pip-licenses --python build/shipped/bin/python --format markdown --order license --output-file dist/campwatch-licences.md
	du -sm build/shipped

lock: dev  ## refresh the lock files; no index address goes into them
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group dev --all-extras -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
