# Everything on a fresh machine: `make demo` and `make test`. Only Python 3.11 or newer is needed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)

# OpenMP threads that spin while they wait make two busy processes several times slower.
export GOMP_SPINCOUNT := 0

.PHONY: demo test test-all check unit bench clean

demo: $(VENV)/ready
	$(BIN)/genus train --out $(RUN)
	$(BIN)/genus sample $(RUN) -n 100 --out $(RUN)/samples.png
	$(BIN)/genus evaluate $(RUN)
	@echo "sample sheet: $(RUN)/samples.png"
	@echo "report: $$($(BIN)/genus report $(RUN))"

test: check unit

check: $(VENV)/ready
	$(BIN)/ruff check src tests scripts benchmarks
	$(BIN)/ruff format --check src tests scripts benchmarks
	$(BIN)/lint-imports
	$(BIN)/pyright

unit: $(VENV)/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# These ask for torchvision, which has no build for processors alone and is not used here.
bench: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps torchgan==0.1.0 clean-fid==0.1.35 torch-fidelity==0.4.0 torch-mimicry stylegan2-pytorch==1.9.0 lightweight-gan==1.2.1 kornia kornia_rs einops tqdm nflows==0.14 normflows==1.7.3
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.metrics
	$(BIN)/python -m benchmarks.adversarial
	$(BIN)/python -m benchmarks.style
	$(BIN)/python -m benchmarks.flows

# Everything, with what takes long and rarely breaks.
test-all: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m ''

clean:
	rm -rf $(VENV) build dist src/*.egg-info
