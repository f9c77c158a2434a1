# Each target makes or reuses $(VENV) and rebuilds the library only when its sources changed. What
# runs is always the installed library, never the tree: the programs of $(BIN) are called by their
# own names, because `python -m` would put the tree first on sys.path.
#   make test PYTHON=python3.12 VENV=.venv-3.12 PYTEST_ARGS="-k entropy"
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
BENCH_ARGS ?=
AARCH64_CC ?= aarch64-linux-gnu-gcc
AARCH64_RUN ?= qemu-aarch64

# The suite under sanitizers: not what builds packages, starts a process for each case, looks at no
# compiled code or calls it on whole arrays of NumPy's own alone, or measures memory, which the
# sanitizers use for themselves.
SANITIZERS := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all
NOT_SANITIZED := packaging typing accuracy reference native readme demo mutations memory \
    benchmarks instructions cli cli_files cli_formats columns formats llamacpp \
    candidates checkpoint cli_sparse gate interrupt json kept_rows markdown measuring outputs page \
    pictures plots strata_table table clipping contingency csr divergence_page entropy_estimators \
    information_page information_properties metrics_elsewhere nearest pairwise_page resolution \
    sparse sparse_bounds sparse_stored sparse_ties uncertainty verify
SANITIZED_TESTS ?= $(NOT_SANITIZED:%=--ignore=tests/test_%.py) \
    --deselect=tests/test_broadcasting.py::test_broadcasting_copies_nothing

BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# Directories are listed too: one is newer than the last build when a file in it was removed.
SOURCES := pyproject.toml setup.py README.md LICENSE \
    $(shell find src kl_c -name __pycache__ -prune -o -print)

.PHONY: demo test native test-aarch64 sanitize mutations bench instructions lint clean
# Without -j: two targets share one environment.
.NOTPARALLEL:

demo: $(VENV)/.with-cli
	$(BIN)/kl-c demo

test: $(VENV)/.with-cli $(VENV)/.with-test
	$(BIN)/pytest $(PYTEST_ARGS)

native: $(VENV)/.with-test
	$(BIN)/pytest -s tests/test_native.py $(PYTEST_ARGS)

# The C tests for 64-bit ARM in an emulator: all kernels between guard pages, and one case of so
# many, a prime, of what takes long there.
test-aarch64: $(VENV)/.with-test
	@for tool in $(AARCH64_CC) $(AARCH64_RUN); do \
	    command -v $$tool >/dev/null || \
	        { echo "skipped: there is no $$tool on this machine"; exit 0; }; \
	done; \
	for part in accuracy/101 guards/1 batches/53; do \
	    CC=$(AARCH64_CC) LDFLAGS=-static KL_C_NATIVE_RUNNER=$(AARCH64_RUN) \
	    KL_C_NATIVE_EVERY=$${part#*/} \
	    $(BIN)/pytest -s tests/test_native.py -k $${part%/*} $(PYTEST_ARGS) || exit; \
	done

# gcc: Python itself is not instrumented, so its runtime library must be loaded first, and C++'s with
# it: it asks for the exceptions of C++ when it starts, and extension modules throw some later.
sanitize: export KL_C_CFLAGS := $(SANITIZERS)
sanitize: export LDFLAGS := -fsanitize=address,undefined
sanitize: export ASAN_OPTIONS := detect_leaks=0
sanitize: export PYTHONMALLOC := malloc
sanitize: export CC := gcc
sanitize:
	$(MAKE) VENV=$(VENV)-sanitize $(VENV)-sanitize/.with-cli $(VENV)-sanitize/.with-test
	KL_C_NATIVE_EVERY=19 $(VENV)-sanitize/bin/pytest tests/test_native.py
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so)" \
	    $(VENV)-sanitize/bin/pytest $(SANITIZED_TESTS) $(PYTEST_ARGS)

mutations: $(VENV)/.with-test
	$(BIN)/pytest -m mutation $(PYTEST_ARGS)

bench: $(VENV)/.with-bench
	$(BIN)/python bench/run.py $(BENCH_ARGS)
	$(BIN)/python bench/pictures.py $(filter --quick,$(BENCH_ARGS))

# Fails where a count grew; BENCH_ARGS='--write "reason"' keeps the counts.
instructions: $(VENV)/.library
	$(BIN)/python -P bench/instructions.py $(or $(BENCH_ARGS),--check)

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
