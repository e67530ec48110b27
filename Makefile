# The two commands of a newcomer: `make quickstart` and `make test`. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODELS := benchmarks/models/squeezenet.onnx benchmarks/models/shufflenet.onnx

.PHONY: setup quickstart test coverage lint bench lock browser models clean

setup: $(VENV)/.installed

# The lock holds exact versions with hashes; where it does not fit (another Python or platform), the ranges of pyproject.toml do.
$(VENV)/.installed: pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "bench needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

models: setup
	$(BIN)/python benchmarks/models/make_models.py

quickstart: models
	$(BIN)/bench run benchmarks/quickstart.yaml

browser:
	.ci/install_chromium

lint: setup
	$(BIN)/ruff check orchestrator tests benchmarks
	$(BIN)/ruff format --check orchestrator tests benchmarks
	$(BIN)/mypy

PYTEST := $(BIN)/python -m pytest -n 4 --dist worksteal

test: lint browser models
	$(PYTEST)

# The same tests, watched line by line and branch by branch: half as long again. Holds the limit of pyproject.toml.
coverage: lint browser models
	$(PYTEST) --cov --cov-report=term:skip-covered

# Measures bench itself; every figure is a ratio of two things measured side by side in one run.
bench: models
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/compare_local_cloud.py
	$(BIN)/python benchmarks/check_big_model.py
	$(BIN)/python benchmarks/upload_throughput.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/history_size.py
	$(BIN)/python benchmarks/report_memory.py

lock: setup
	$(BIN)/python -m piptools compile --quiet --no-strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-header --allow-unsafe --extra local --extra postgres --extra notify --extra s3 --extra android --extra dev --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .bench
