# Two commands matter: `make lab` and `make test`. Both create .venv on the first call.
PYTHON ?= python3
PY := .venv/bin/python
WORKERS ?= 2
EXPERIMENT ?= 02_distillation_beats_baseline
DATA ?= mnist
ALLOW_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# OpenMP's threads sleep while they wait: if they spin, one busy neighbour makes a cell crawl.
export OMP_WAIT_POLICY := passive
# The versions that were tested; `make LATEST=1 …` takes the newest ones instead.
VERSIONS := $(if $(LATEST),--upgrade --upgrade-strategy eager,--constraint constraints.txt)
INSTALLED := .venv/installed$(if $(LATEST),-latest)

.PHONY: lab test torture data reproduce html lint notebooks bench

lab: $(INSTALLED)
	$(PY) -m jupyterlab $(ALLOW_ROOT) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(LAB_ARGS)

# One session, so that a failing unit test does not hide the notebooks. A file stays with one
# worker (its cells share a kernel, all pages one JupyterLab); the slow browser starts early.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
	  --nbval-lax --nbval-current-env --nbval-cell-timeout=600 --nbval-kernel-startup-timeout=600

# All injuries of which a test tries a sample: kills, damaged files, wrong calls. Two minutes when idle.
torture: $(INSTALLED)
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(PY) -m torture

data: $(INSTALLED)
	$(PY) -m kdutils.data $(DATA)

reproduce: $(INSTALLED)
	$(PY) -m kdutils.reproduce $(EXPERIMENT)

# On an idle machine, two minutes: ratios of speed, comparable between machines.
bench: $(INSTALLED)
	OMP_NUM_THREADS=1 $(PY) -m kdutils.bench

html: $(INSTALLED)
	$(PY) -m sphinx -q -W --keep-going -j 2 -c docs . build/html

lint: $(INSTALLED)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

# After editing a notebook: run it top to bottom, clean it, refill the tables made from it.
notebooks: $(INSTALLED)
	$(PY) -m kdutils.publish

# With the tools of the tests: they are 0.3 GB beside torch's 5, and one .venv serves all targets.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check $(VERSIONS) --editable '.[dev]'
	$(PY) docs/assets.py
	rm -f .venv/installed*
	touch $(INSTALLED)
