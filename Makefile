# Every target sets up what it needs in .venv: python3, make and pip are enough to begin with.
.NOTPARALLEL:
.PHONY: demo test test-slow lint format bench clean

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
export PYTHONUNBUFFERED := 1

demo: $(VENV)/.agents ## PPO learns to book a restaurant in front of you
	@$(PYTHON) -m agents demo

test: lint ## lint and the test suite
	$(PYTHON) -m pytest -m "not slow"

test-slow: $(VENV)/.dev ## the tests that take minutes
	$(PYTHON) -m pytest -m slow

lint: $(VENV)/.dev ## style, types, spelling
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/codespell

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.agents ## speed, as ratios within one run
	$(PYTHON) -m agents.speed

clean:
	rm -rf $(VENV) out build dist *.egg-info

$(PYTHON):
	@echo "Setting up $(VENV) (once; some minutes) ..."
	@python3 -m venv $(VENV) || { rm -rf $(VENV); python3 -m pip install --quiet --user virtualenv && python3 -m virtualenv $(VENV); }

$(VENV)/.agents: $(PYTHON) setup.cfg pyproject.toml constraints.txt
	@$(INSTALL) --editable '.[agents]'
	@touch $@

$(VENV)/.dev: $(PYTHON) setup.cfg pyproject.toml constraints.txt
	@$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.agents
