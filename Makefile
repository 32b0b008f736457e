# make demo    install, compress a real model to 80 MB, show what it kept, and talk to it
# make quick   a minute: lint, types, and the tests that are nearest to what was changed
# make test    install, then lint, types and every test
# make light   the device half alone in a fresh environment: size and a first answer
# make coverage every test, and the share of each room's lines they ran (ROOMS="core vault" for some)
# make siege   10 minutes of everything a stranger sends, as a table (MINUTES=60 for more)
# make clients other people's clients against a real server, each in an environment of its own (NAMES="openai llm")
# make release builds sdist, wheel and bill of materials into dist/ (docs/release.md)
# make docs    writes docs/commands.md from what the commands parse, and the site into build/site
# make docs-check  types the commands of the README, one after the other: an hour or two
# make web     builds the web page into the package (needs Node 20.19 or newer; its result is committed)
#
# Needs Python 3.11 or newer, a C compiler and a package index; makes .venv itself.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
MINUTES ?= 10
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo quick test coverage clients siege lint light licences release docs docs-check web clean

demo: .venv/workshop
	@sh scripts/demo

quick: .venv/dev
	@$(BIN)/python scripts/quick.py

test: .venv/dev lint
	BIN=$(BIN) sh scripts/test

coverage: .venv/dev
	@$(BIN)/python scripts/covered.py $(ROOMS)

clients: .venv/dev
	$(BIN)/python tests/clients $(NAMES)

siege: .venv/dev
	$(BIN)/python tests/siege --minutes $(MINUTES)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

light:
	sh scripts/light

licences: .venv/dev
	$(BIN)/python scripts/licences.py

release: .venv/dev
	sh scripts/release

docs: .venv/dev
	$(BIN)/python scripts/commands.py
	rm -rf build/site build/doctrees
	$(BIN)/python -m sphinx -q -W --keep-going -c docs -d build/doctrees . build/site
	@echo "open build/site/index.html"

docs-check: .venv/dev
	$(BIN)/python scripts/docs_check.py

web:
	cd web && npm ci --ignore-scripts --no-audit --no-fund && npm run build

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/workshop: .venv/bin/python pyproject.toml locks/workshop.txt locks/build.txt
	sh scripts/install $(BIN)/python workshop -e
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml locks/dev.txt locks/build.txt
	sh scripts/install $(BIN)/python dev -e
	@touch $@ .venv/workshop

clean:
	rm -rf .venv .venv-light demo build dist src/*.egg-info web/node_modules .pytest_cache .mypy_cache .ruff_cache .coverage
