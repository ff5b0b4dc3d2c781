# Every target sets up what it needs in .venv: python3, make and pip are enough to begin with.
.NOTPARALLEL:
.PHONY: demo test test-slow lint format docs bench bench-web bench-live browser proxy postgres clean

VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(VENV)/bin/uv
# uv reads none of pip's settings; the folder of wheels is the one that saves a download. Compiled at once, in
# parallel, since warnings of the compiler would be errors in tests.
INSTALL := $(UV) pip install --quiet --compile-bytecode --python $(PYTHON) --constraint constraints.txt \
	$(addprefix --find-links ,$(PIP_FIND_LINKS))
# A file of tests stays in one process: what its tests share is set up once. About a quarter of the time tests wait for a
# browser, a server or a terminal, so one process more than there are cores keeps those busy.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST := $(PYTHON) -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder
LINT := $(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/codespell
export PYTHONUNBUFFERED := 1
# Where an image sets it, each of the hundreds of processes of the tests would compile the library's source again.
export PYTHONDONTWRITEBYTECODE :=

demo: $(VENV)/.agents ## PPO learns to book a restaurant in front of you
	@$(PYTHON) -m agents demo

# The types take one core a while, so lint runs beside the tests, and is shown after them.
test: $(VENV)/.dev browser $(if $(CI),proxy postgres) ## lint and the test suite; where CI is set, the slow tests too
	@mkdir -p out; ($(LINT)) >out/lint.log 2>&1 & lint=$$!; \
	$(PYTEST) $(if $(CI),,-m "not slow"); tests=$$?; \
	wait $$lint; lint=$$?; cat out/lint.log; [ $$lint = 0 ] && exit $$tests

test-slow: $(VENV)/.dev browser ## the tests that take minutes
	$(PYTEST) -m slow

# A browser is the system's: without apt or the right to use it, the tests that need one are skipped.
browser: ## Chromium, for the tests in a browser
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	|| { as=$$([ "$$(id -u)" = 0 ] || echo sudo -n); \
		$$as apt-get update -qq && $$as apt-get install -qq -y chromium; } >/dev/null 2>&1 \
	|| echo "There is no Chromium here, so the tests in a browser are skipped."

# Debian starts it as a service, so that only the continuous integration installs it.
proxy: ## nginx, for the attacks on a server behind it
	@command -v nginx >/dev/null || test -x /usr/sbin/nginx \
	|| { as=$$([ "$$(id -u)" = 0 ] || echo sudo -n); \
		$$as apt-get update -qq && $$as apt-get install -qq -y --no-install-recommends nginx-light; } >/dev/null 2>&1 \
	|| echo "There is no nginx here, so the tests behind a proxy are skipped."

postgres: ## PostgreSQL, of which tests start a server of their own
	@command -v initdb >/dev/null || test -d /usr/lib/postgresql \
	|| { as=$$([ "$$(id -u)" = 0 ] || echo sudo -n); \
		$$as apt-get update -qq && $$as apt-get install -qq -y --no-install-recommends postgresql; } >/dev/null 2>&1 \
	|| echo "There is no PostgreSQL here, so the tests of stores in it are skipped."

lint: $(VENV)/.dev ## style, types, spelling
	$(LINT)

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.dev ## the site, in out/site/html; a warning is an error
	$(PYTHON) -m docs.site.build

bench: $(VENV)/.agents ## speed, as ratios within one run
	$(PYTHON) -m agents.speed.environments
	OMP_NUM_THREADS=1 $(PYTHON) -m agents.speed.teaching

bench-web: $(VENV)/.dev browser ## milliseconds from a key to the next proposal, in a browser
	$(PYTHON) -m agents.speed.web

bench-live: $(VENV)/.dev ## a start with much experience, and a year of days: minutes; writes docs/live
	$(PYTHON) -m agents.speed.live

clean:
	rm -rf $(VENV) out build dist *.egg-info

$(UV):
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@python3 -m venv --without-pip $(VENV)
	@python3 -m pip --python $(PYTHON) install --quiet --disable-pip-version-check --constraint constraints.txt uv

$(VENV)/.agents: $(UV) setup.cfg pyproject.toml constraints.txt
	@$(INSTALL) --editable '.[agents]'
	@touch $@

$(VENV)/.dev: $(UV) setup.cfg pyproject.toml constraints.txt
	@$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.agents
