# Two commands matter: `make demo` (see it work) and `make test` (see that it works).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Users without a GPU can choose a smaller torch: `make setup TORCH_BACKEND=cpu`.
TORCH_BACKEND ?=
UV_FLAGS := $(if $(TORCH_BACKEND),--torch-backend=$(TORCH_BACKEND))
WIKIPEDIA ?= sample/wikipedia.xml
BOOKS ?= sample/books
DEMO ?= demo
CASES ?= ../shared/cases

.PHONY: setup demo test lint types unit bare cases clean spark-up spark-down test-spark test-dataflow

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt tools/mibz2/Cargo.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@# Compiled once here: a process that may not write bytecode would compile torch and Beam at every start, for 10 s.
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(UV_FLAGS) -c constraints.txt -e '.[dev]'
	@# [fast], built from its source where the package index has no wheel of it, and left out where there is no Rust.
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt mibz2 2>/dev/null \
		|| { command -v cargo >/dev/null && $(BIN)/uv pip install --quiet --python $(BIN)/python ./tools/mibz2; } \
		|| echo "mibz2 is not installed (its build needs Rust): indexed_bzip2 decodes bz2, at less than half of the speed." >&2
	touch $@

# A corpus from the bundled sample (or WIKIPEDIA=… BOOKS=…), and a tiny BERT trained on it.
demo: setup
	$(BIN)/bertdata build-corpus --wikipedia $(WIKIPEDIA) --books $(BOOKS) --output $(DEMO)/corpus $(DEMO_OPTIONS)
	$(BIN)/bertdata verify $(DEMO)/corpus
	$(BIN)/bertdata inspect $(DEMO)/corpus --examples 2
	$(BIN)/bertdata pretrain $(DEMO)/corpus --preset tiny --steps $(DEMO_STEPS) --batch-size 32 --output $(DEMO)/run
# The sample is small: a smaller vocabulary and few documents held out. A corpus of your own wants neither.
DEMO_OPTIONS ?= $(if $(filter sample/%,$(WIKIPEDIA)),--vocab-size 1500 --dupe-factor 5)
DEMO_STEPS ?= 200

test: setup lint types unit bare

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

unit: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal -m 'not cluster' tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --doctest-modules bertdata cli trainer pipelines

# bertdata/ stands without Beam, torch and click: its tests run where none of them is installed.
bare: .bare/.ready
	.bare/bin/python -m pytest -q tests/bertdata $(addprefix --ignore=tests/bertdata/test_,$(addsuffix .py,$(NEED_MORE)))
# Tests that use the command line or a store, or compare with scipy, transformers or datasets.
NEED_MORE := export report download pairs_statistics masking vocab order shards store

.bare/.ready: pyproject.toml constraints.txt
	test -x .bare/bin/python || $(PYTHON) -m venv .bare
	$(BIN)/uv pip install --quiet --compile-bytecode --python .bare/bin/python -c constraints.txt \
		fsspec google-crc32c lxml matplotlib mwparserfromhell nanotoken numpy pyarrow sentencex tokenizers \
		pytest pytest-timeout hypothesis
	touch $@

# A real Spark cluster on this machine (Java 17 and Maven needed): one master, two workers, and the options to use it.
# Its logs and process ids are kept in SPARK; spark-down ends those processes and no other.
SPARK ?= .spark
SPARK_PORT ?= 7077
spark-up: setup
	@jar=$$(tools/clusters/job_server_jar.sh spark) && \
		$(BIN)/python tools/clusters/spark_cluster.py up $(SPARK) --port $(SPARK_PORT) --jar "$$jar"

spark-down:
	@$(BIN)/python tools/clusters/spark_cluster.py down $(SPARK)

# Whole builds on clusters that the tests start and end themselves; says so where Java or Maven is missing.
test-spark: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -rs -m cluster --durations=5 tests/pipelines

# The jobs that Dataflow would get, made by Google's libraries, offline; they are large, so they have a folder of their own.
test-dataflow: .gcp/.ready
	.gcp/bin/python -m pytest -q tests/pipelines/test_dataflow.py

.gcp/.ready: pyproject.toml constraints.txt
	test -x .gcp/bin/python || $(PYTHON) -m venv .gcp
	$(BIN)/uv pip install --quiet --compile-bytecode --python .gcp/bin/python -c constraints.txt -e '.[gcp]' \
		pytest pytest-timeout hypothesis
	touch $@

# Public bug reports of tools of this kind, each an executable case; without them (a plain clone) there is none to run.
cases: setup
	@if [ -d $(CASES) ]; then $(abspath $(BIN))/python $(abspath $(CASES))/run_cases.py $(abspath $(CASES)) --bertdata $(abspath $(BIN))/bertdata; \
	else echo "no cases at $(CASES)"; fi

clean:
	rm -rf .venv .bare .gcp .spark demo build *.egg-info
