# One command per job; each makes what it needs.
SHELL := /bin/sh
BIN := .venv/bin
PYTEST_ARGS ?=
# coverage itself imports the rooms into every child process
BY_COVERAGE := --deselect tests/house/test_house.py::test_help_imports_nothing_heavier_than_click

BUNDLE ?= dist/soilco2-usb

.PHONY: messages bundle bundle-check notebooks help demo test coverage lowest kernels lint bench torture calibrate constraints clean

help:
	@echo "make demo       run a station of simulated probes on measured data and open its page"
	@echo "make test       run every test, with real broker, database and browser where they can be had"
	@echo "make coverage   every test under coverage, a table by room, and floors that may only rise"
	@echo "make lowest     the tests of the collector's side with the lowest versions that are allowed"
	@echo "make kernels    the tests of the analysis with the arithmetic of old processors (x86-64)"
	@echo "make messages   catalogues of translations brought up to date with what the code says"
	@echo "make lint       style, types, and who may import whom"
	@echo "make bench      speed and size, each beside a baseline in the same run"
	@echo "make torture    every proof of reliability with large counts, and one table of them"
	@echo "make bundle     a folder for a USB stick that installs without a network (BUNDLE=folder)"
	@echo "make bundle-check  install it where there is no network, and run a lesson there"
	@echo "make notebooks  every lesson in both languages and at all levels, with new drills"
	@echo "make constraints  renew the pinned versions"

.venv/.demo .venv/.dev: pyproject.toml constraints.txt
	@tools/environment.sh $(patsubst .venv/.%,%,$@)

demo: .venv/.demo
	@$(BIN)/soilco2 demo $(ARGS)

test: .venv/.dev
	@tools/parts.sh
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

coverage: .venv/.dev
	@tools/parts.sh
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m coverage run -m pytest $(BY_COVERAGE) $(PYTEST_ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@mkdir -p artefacts
	@$(BIN)/python -m coverage json --quiet -o artefacts/coverage.json
	@$(BIN)/python tools/coverage_rooms.py artefacts/coverage.json

lowest:
	@tools/lowest.sh $(PYTEST_ARGS)

kernels: .venv/.dev
	@tools/kernels.sh

messages: .venv/.dev
	@$(BIN)/python tools/messages.py

lint: .venv/.dev
	@$(BIN)/python tools/messages.py --check
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/.dev
	@tools/parts.sh
	@$(BIN)/python -m benchmarks

torture: .venv/.dev
	@tools/parts.sh
	@$(BIN)/python -m tests.torture $(ARGS)

calibrate: .venv/.dev
	@$(BIN)/python -m benchmarks.calibrate --table docs/reference/calibration.md

bundle:
	@PYTHON="$${PYTHON:-python3}" tools/bundle.sh $(BUNDLE)

bundle-check:
	@tools/bundle/check.sh $(BUNDLE)

notebooks: .venv/.dev
	@$(BIN)/python -m tests.teaching.case

constraints:
	@uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
		--no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet \
	| { echo "# Versions everything is tested with; uv and pip both read it (make constraints renews it)."; cat; } \
	> constraints.new && mv constraints.new constraints.txt

clean:
	rm -rf .venv .venv-lowest .coverage* artefacts dist build
