# What there is to do with a checkout; `make` lists it. The work itself is done in tools/.
PYTHON ?=
export PYTHON
python = .venv/bin/python

.PHONY: help setup develop example example-data test torture lint docs site benchmark wheel clean

help:
	@echo "make example       set up, then run the pipeline on the simulated frames in example_data and check the result"
	@echo "make test          set up, then run all tests"
	@echo "make torture       set up, then harm data sets, programs, services and disk in thousands of ways; hours"
	@echo "make setup         programs (Debian, Ubuntu) and .venv with the packages; PYTHON=... names an interpreter"
	@echo "make lint          check style and formatting with ruff, types with mypy"
	@echo "make docs          write the pages and files that are made from the code: commands, bands, telescopes, ..."
	@echo "make site          build the documentation as a site into site/; warnings are errors"
	@echo "make example-data  simulate the frames of example_data again"
	@echo "make benchmark     measure what runs cost, and compare with speed.json of an earlier time (20 minutes)"
	@echo "make wheel         build sdist and wheel into dist/"
	@echo "make clean         remove caches, builds and the folders of example runs, not .venv"

setup:
	@tools/bootstrap

develop:
	@tools/bootstrap --dev

example: setup
	@tools/run_example

# Two workers; the tests of one module stay together, since they share what its fixtures made
test: develop
	$(python) -m pytest -n 2 --dist loadscope

# Another share of it: make torture TORTURE="files -number 300"
torture: develop
	nice $(python) benchmarks/torture.py $(TORTURE)

lint: develop
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy

docs: setup
	$(python) tools/commands_page.py
	$(python) tools/bands_page.py
	$(python) tools/telescopes_page.py
	$(python) tools/database_page.py
	$(python) tools/files_page.py
	$(python) tools/conda_files.py

site: develop
	$(python) -m sphinx -W --keep-going -q -b html docs site
	@echo "site/index.html"

example-data: develop
	$(python) example_data/make_vatt4k.py

benchmark: develop
	$(python) benchmarks/speed.py -json speed.json $(if $(wildcard speed.json),-compare speed.json)

wheel: develop
	rm -rf dist
	$(python) -m hatchling build

clean:
	rm -rf dist build site example-run-* .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
