# The first two targets need nothing but python3 (3.11 or newer), make and git.
PYTHON ?= python3
BIN := .venv/bin

# Without its caches every start of Python compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test coverage lint format bench soak iris clean

run: .venv/.run  ## set up .venv and run the first experiment
	$(BIN)/xrun +experiment=coins -m N=10,100

test: .venv/.dev  ## all tests, warnings as errors, a worker per CPU
	$(BIN)/python -m pytest -q -m "not soak" -n auto --dist loadfile

coverage: .venv/.dev  ## the same with branch coverage, of the processes that tests start too: takes twice as long
	$(BIN)/python -m pytest -q -m "not soak" -n auto --dist loadfile --cov --cov-report=term

lint: .venv/.dev  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev  ## rewrite the sources as ruff wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.dev  ## ours against the peers, alternating, as ratios
	$(BIN)/python -m benchmarks

soak: .venv/.dev  ## the long forms of the reliability tests
	$(BIN)/python -m pytest -q -m soak --durations=40

iris: .venv/.dev  ## the example with DVC data: make the data, then sweep classifiers
	PATH="$(abspath $(BIN)):$$PATH" dvc repro --quiet
	$(BIN)/xrun +experiment=iris

.venv/.run: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/.dev: pyproject.toml .venv/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:  ## everything that can be made again, results excepted
	rm -rf .venv .bench-venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
