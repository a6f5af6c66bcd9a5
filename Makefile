# `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
OUT    ?= demo-out
RECORDS ?=
SOAK_MINUTES ?= 30
TEST_PROCESSES ?= 3
FUZZ_INPUTS ?= 2000
TOOLS  := .venv-tools
LOWEST := .venv-lowest

# Nothing here reports usage to anybody, and the threads of BLAS do not fight over a small machine.
export DO_NOT_TRACK = 1
export NO_MKDOCS_2_WARNING = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS = 120

.DEFAULT_GOAL := help
.PHONY: help install compile demo test test-fast test-lowest lock sbom audit fuzz lint format docs docs-serve notebooks serve overhead train rpeaks fibrillation alarms evaluate calibration cost worth bench soak clean distclean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## Install the project and its tools into .venv (once)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "The venv module is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]' $(if $(LOCKED),--constraint constraints.txt)
	@touch $@

compile: $(STAMP)  ## Make the machine code of this version before it is needed (a minute, once)
	@$(BIN)/python -c 'from pipeline.compiling import compile_all; [compile_all(kind) for kind in ("autoencoder", "forecaster")]'

demo: $(STAMP)  ## Score ten synthetic patients (or RECORDS="mitdb/208 mitdb/119") and write a report
	$(BIN)/ecg-anomaly demo $(RECORDS) --out $(OUT)

test: $(STAMP)  ## Run the tests, in three processes (TEST_PROCESSES): they wait for servers and pages now and then
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist loadfile

test-fast: $(STAMP)  ## Run the tests that start no browser, server or training (two minutes)
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist loadfile -m "not slow"

test-lowest: $(STAMP)  ## Run the fast tests with the oldest packages that pyproject.toml allows, in an environment of its own
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/python deploy/pins.py --lowest > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip install --quiet --editable '.[dev]' --constraint $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pytest --numprocesses 2 --dist loadfile -m "not slow"

lock: $(STAMP)  ## Write constraints.txt: the versions that are installed now; `make install LOCKED=1` installs these
	$(BIN)/python deploy/pins.py > constraints.txt

sbom: $(STAMP) $(TOOLS)  ## Write sbom.json, the software bill of materials of .venv (CycloneDX)
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file sbom.json $(BIN)/python

audit: $(TOOLS)  ## Look up the versions of constraints.txt in a database of vulnerabilities (needs the network)
	$(TOOLS)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

$(TOOLS):
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet cyclonedx-bom pip-audit

fuzz: $(STAMP)  ## Send 2,000 broken inputs through every door (FUZZ_INPUTS)
	$(BIN)/ecg-anomaly fuzz --inputs $(FUZZ_INPUTS)

lint: $(STAMP)  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)  ## Put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)  ## Build the documentation into build/docs, offline; a warning is an error
	$(BIN)/mkdocs build --strict --quiet

docs-serve: $(STAMP)  ## Show the documentation on http://127.0.0.1:8000 while it is written
	$(BIN)/mkdocs serve --strict

notebooks: $(STAMP)  ## Execute the notebooks: on real records where they are in reach, else on synthetic ones
	$(BIN)/jupyter-execute --timeout=300 notebooks/*.ipynb

serve: $(STAMP)  ## Run Prefect's server and every scheduled deployment, until Ctrl-C
	$(BIN)/python -m flows.serve

overhead: $(STAMP)  ## Measure what the flow costs over the plain library on mitdb
	$(BIN)/python -m flows.overhead mitdb

train: $(STAMP)  ## Train the shipped models anew from mitdb and svdb (needs a mirror or the network)
	$(BIN)/ecg-anomaly train --one-class --seeds 3 --out data/models/default.safetensors
	$(BIN)/ecg-anomaly train --one-class --kind forecaster --out data/models/forecaster.safetensors

rpeaks: $(STAMP)  ## Fit the R-peak detector's decision anew, with cross-validated figures (needs mitdb, nstdb)
	$(BIN)/python -m pipeline.evaluation.fit_rpeaks

fibrillation: $(STAMP)  ## Fit the detector of fibrillation anew, with cross-validated figures: DATA="vfdb cudb ..."
	$(BIN)/python -m pipeline.evaluation.fit_fibrillation $(DATA)

alarms: $(STAMP)  ## Measure the alarms on people held out, and refresh docs/results: DATA=the mirror's folder
	$(BIN)/ecg-anomaly evaluate-alarms --held-out --split DS1 --figure data/alarms.png --insert docs/results/alarms.md alarms \
	  $(foreach db,vfdb/1.0.0 cudb/1.0.0 nstdb/1.0.0 nsrdb-2h mitdb/1.0.0,--rhythms $(DATA)/$(db)) \
	  --challenge $(DATA)/challenge-2015/1.0.0/training
	$(BIN)/ecg-anomaly evaluate-alarms --no-rivals --no-waves --insert docs/results/alarms.md alarms:electrodes \
	  --challenge $(DATA)/challenge-2015/1.0.0/training

evaluate: $(STAMP)  ## Measure the shipped model on DS2 and nstdb, and refresh docs/results (needs mitdb, nstdb)
	$(BIN)/ecg-anomaly evaluate --split DS2 --rpeaks reference --insert docs/results/ds2-reference.md evaluate:reference
	$(BIN)/ecg-anomaly evaluate --split DS2 --rpeaks detected --insert docs/results/ds2-detected.md evaluate:detected
	$(BIN)/ecg-anomaly evaluate --split all --rpeaks detected --no-rivals --seeds 1 --insert docs/results/rpeaks.md evaluate:rpeaks \
	  --only "R peaks"
	$(BIN)/ecg-anomaly evaluate nstdb --rpeaks detected --no-rivals --seeds 1 --insert docs/results/rpeaks.md evaluate:noise \
	  --only "By signal-to-noise ratio"

calibration: $(STAMP)  ## Hold threshold rules side by side on DS2, and refresh docs/results (needs mitdb)
	$(BIN)/ecg-anomaly calibration --split DS2 --rpeaks detected --step 1.5 --figure data/calibration.png \
	  --insert docs/results/thresholds-detected.md calibration:detected
	$(BIN)/ecg-anomaly calibration --split DS2 --rpeaks reference --step 1.5 --insert docs/results/thresholds-reference.md calibration:reference

cost: $(STAMP)  ## Hold networks of other sizes side by side on DS1, and refresh docs/results (needs mitdb)
	$(BIN)/ecg-anomaly cost --insert docs/results/network.md cost

worth: $(STAMP)  ## Hold the sequence network beside none and beside one without memory (half an hour; needs mitdb, svdb)
	$(BIN)/ecg-anomaly worth --insert docs/results/network.md worth

bench: $(STAMP)  ## Measure speed, memory and growth beside other tools, and refresh docs/results (a quarter of an hour)
	$(BIN)/ecg-anomaly bench backfill --insert docs/results/speed-records.md bench:backfill
	$(BIN)/ecg-anomaly bench backfill --workers 2 --no-stages --insert docs/results/speed-records.md bench:workers
	$(BIN)/ecg-anomaly bench peers --insert docs/results/speed-peers.md bench:peers
	$(BIN)/ecg-anomaly bench kernels --cold --insert docs/results/speed-parts.md bench:kernels
	$(BIN)/ecg-anomaly bench live --patients 500 --patients 1000 --patients 2000 --patients 2500 --seconds 20 \
		--insert docs/results/speed-live.md bench:live
	$(BIN)/ecg-anomaly bench growth --figure data/growth.png --insert docs/results/growth.md bench:growth

soak: $(STAMP)  ## Kill worker and broker at random for 30 minutes (SOAK_MINUTES) and count what was lost (needs nats-server)
	$(BIN)/ecg-anomaly bench soak --minutes $(SOAK_MINUTES)

clean:  ## Remove caches and outputs
	rm -rf $(OUT) out .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## Remove the virtual environment as well
	rm -rf $(VENV) $(TOOLS) $(LOWEST)
