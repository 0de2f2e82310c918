# Two commands matter: `make lab` and `make test`. Both create .venv on the first call.
PYTHON ?= python3
PY := .venv/bin/python
WORKERS ?= 2
EXPERIMENT ?= 02_distillation_beats_baseline
DATA ?= mnist
ALLOW_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: lab test data reproduce html lint notebooks

lab: .venv/installed
	$(PY) -m jupyterlab $(ALLOW_ROOT) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(LAB_ARGS)

test: .venv/installed
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(WORKERS) --dist worksteal
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(WORKERS) --dist loadscope --nbval-lax \
	  --nbval-current-env --nbval-cell-timeout=120 notebooks

data: .venv/installed
	$(PY) -m kdutils.data $(DATA)

reproduce: .venv/installed
	$(PY) -m kdutils.reproduce $(EXPERIMENT)

html: .venv/installed
	$(PY) -m nbconvert --to html --output-dir build/html notebooks/[0-9]*.ipynb

lint: .venv/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

# After editing a notebook: run it top to bottom, clean it, refill the tables made from it.
notebooks: .venv/installed
	$(PY) -m kdutils.publish

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --editable .
	touch .venv/installed
