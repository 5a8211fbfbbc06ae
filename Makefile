# Two commands matter: `make demo` (see it work) and `make test` (see that it works).
PYTHON ?= python3.11
BIN := .venv/bin
# Users without a GPU can choose a smaller torch: `make setup TORCH_BACKEND=cpu`.
TORCH_BACKEND ?=
UV_FLAGS := $(if $(TORCH_BACKEND),--torch-backend=$(TORCH_BACKEND))
WIKIPEDIA ?= sample/wikipedia.xml
BOOKS ?= sample/books
DEMO ?= demo
CASES ?= ../shared/cases

.PHONY: setup demo test lint types unit bare cases clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python $(UV_FLAGS) -c constraints.txt -e '.[dev]'
	touch $@
