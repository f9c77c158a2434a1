# Each target makes or reuses $(VENV) and rebuilds the library only when its sources changed. What
# runs is always the installed library, never the tree: the programs of $(BIN) are called by their
# own names, because `python -m` would put the tree first on sys.path.
#   make test PYTHON=python3.12 VENV=.venv-3.12 PYTEST_ARGS="-k entropy"
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
BENCH_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# Directories are listed too: one is newer than the last build when a file in it was removed.
SOURCES := pyproject.toml setup.py README.md LICENSE \
    $(shell find src kl_c -name __pycache__ -prune -o -print)

.PHONY: demo test native mutations bench lint clean
# Without -j: two targets share one environment.
.NOTPARALLEL:

demo: $(VENV)/.with-cli
	$(BIN)/kl-c demo

test: $(VENV)/.with-cli $(VENV)/.with-test
	$(BIN)/pytest $(PYTEST_ARGS)

native: $(VENV)/.with-test
	$(BIN)/pytest -s tests/test_native.py $(PYTEST_ARGS)

mutations: $(VENV)/.with-test
	$(BIN)/pytest -m mutation $(PYTEST_ARGS)

bench: $(VENV)/.with-bench
	$(BIN)/python bench/run.py $(BENCH_ARGS)
	$(BIN)/python bench/pictures.py $(filter --quick,$(BENCH_ARGS))

lint: $(VENV)/.with-cli $(VENV)/.with-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$(abspath $(BIN)):$$PATH" cython-lint src # starts pycodestyle by its name

clean:
	rm -rf build dist *.egg-info $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# setuptools copies the package into build/lib and forgets nothing: a removed module would stay in
# the wheel. The objects in build/temp stay, they are rebuilt by their time stamps.
$(VENV)/.library: $(SOURCES) | $(BIN)/python
	rm -rf build/lib* build/bdist* *.egg-info $(VENV)/wheel
	$(PIP) wheel --no-deps --wheel-dir $(VENV)/wheel .
	$(PIP) install --no-deps --force-reinstall $(VENV)/wheel/*.whl
	touch $@

# Installs what an extra asks for beside the library, which is already there. Runs again only when
# the list of requirements can have changed.
$(VENV)/.with-%: pyproject.toml | $(VENV)/.library
	$(PIP) install "$$(echo $(VENV)/wheel/*.whl)[$*]"
	touch $@
