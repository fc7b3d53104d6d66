# `make` lists the targets: those whose line ends in `## words`.
# ARGS are passed on, as in: make test ARGS=tests/site    make mutate ARGS='sessions_app.states*'

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
NODE_MODULES := node_modules/.installed
BIOME := node_modules/.bin/biome
LIVEKIT := 1.13.5
LIVEKIT_SERVER := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/liveavatar-site/livekit-server-$(LIVEKIT)

.PHONY: help demo test test-databases soak coverage mutate check words fmt clean livekit-server

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runs ## run everything on this machine, ready for a conversation
	@$(RUN) manage.py demo $(ARGS)

# On SQLite with everything in memory; then, unless ARGS choose tests, once more on the real servers.
test: $(VENV)/.tests browser node ## run all tests, after installing what they need
	$(RUN) -m pytest -n 3 --dist loadfile $(ARGS)
	$(if $(ARGS),,@$(MAKE) --no-print-directory test-databases)

test-databases: $(VENV)/.tests ## run the tests of rows and sockets on PostgreSQL and Redis (part of make test)
	$(RUN) -m rigs.databases --skip-if-missing pytest -n 2 --dist loadfile -m django_db $(or $(ARGS),tests/site tests/staff)

soak: $(VENV)/.tests browser node ## run what takes too long for every day
	$(RUN) -m pytest -m soak $(ARGS)

coverage: $(VENV)/.tests browser node ## run all tests and report the lines and branches that none of them runs
	$(VENV)/bin/coverage erase
	$(VENV)/bin/coverage run -m pytest -n 3 --dist loadfile $(ARGS)
	$(VENV)/bin/coverage combine --quiet
	$(VENV)/bin/coverage report

mutate: $(VENV)/.tests ## break sessions_app in small ways and list the ones that no test of tests/site notices
	$(VENV)/bin/mutmut run --max-children 2 $(ARGS)
	@$(VENV)/bin/mutmut results | sed '/: not checked$$/d'
	@echo "Show one with: $(VENV)/bin/mutmut show NAME"

check: $(VENV)/.tests node ## check formatting, lint, types, dependency rules, migrations and words
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	DEBUG=1 $(RUN) manage.py makemigrations --check --dry-run
	@if [ -x $(BIOME) ]; then $(BIOME) ci --error-on-warnings; \
	  else echo "!!! npm is missing: the pages' scripts and styles are NOT CHECKED. !!!" >&2; fi
	@$(MAKE) --no-print-directory words

# Sentences name the actor. Left out: what others wrote, sentences that the avatars are trained with, and the user `nobody`.
words:
	@if git grep -nwiE 'whoever|somebody|nobody' -- . ':!Makefile' ':!LICENSE*' ':!package-lock.json' ':!static/vendor' \
	  ':!simulator/avatar/train_lips.txt' | grep -vE '[`"]nobody[`"]'; then \
	  echo "Name the actor in these lines: the page, the agent, the visitor, the vendor, a client that ..."; \
	  echo "For none of them write: no page, no agent, no participant ..."; \
	  exit 1; fi

fmt: $(VENV)/.tests node ## format the code and fix what ruff and Biome can fix
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .
	@if [ -x $(BIOME) ]; then $(BIOME) check --write; \
	  else echo "!!! npm is missing: the pages' scripts and styles are NOT FORMATTED. !!!" >&2; fi

clean: ## remove the installed packages and the files of mutate and coverage
	rm -rf $(VENV) node_modules mutants .coverage .coverage.*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Choose one: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing. On Debian: apt install python3-venv"; exit 1; }

$(VENV)/.runs: requirements.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV); this takes a minute, once ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.tests: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV), with what the tests need; this takes a minute, once ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.runs

# The browser tests need Chromium; without it they are skipped, and say so.
.PHONY: browser
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-core >/dev/null; \
	  else echo "Chromium is missing: browser tests will be skipped. On Debian: sudo apt install chromium"; fi; }

# The official browser clients for the tests, and Biome for the pages' scripts and styles; without npm both are skipped,
# and say so.
.PHONY: node
node:
	@command -v npm >/dev/null || echo "npm is missing: tests with the official browser clients and checks of the pages' scripts will be skipped."
	@! command -v npm >/dev/null || $(MAKE) --no-print-directory $(NODE_MODULES)

$(NODE_MODULES): package.json package-lock.json
	npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# A real livekit-server, outside this folder so that it is built once; tests find it there (rigs/rooms/livekit_server.py).
livekit-server: $(LIVEKIT_SERVER) ## build the real room server, so that the tests of rooms run against both servers
	@echo "livekit-server $(LIVEKIT) is $(LIVEKIT_SERVER)"

$(LIVEKIT_SERVER):
	@command -v go >/dev/null || { echo "livekit-server is built with Go 1.26 or newer, and there is no Go: https://go.dev/dl"; exit 1; }
	@printf 'go1.26\n%s\n' "$$(go env GOVERSION)" | sort -CV || { echo "livekit-server is built with Go 1.26 or newer, and this is $$(go env GOVERSION): https://go.dev/dl"; exit 1; }
	@echo "Building livekit-server $(LIVEKIT); this takes some minutes, once ..."
	@mkdir -p $(@D)/building
	@CGO_ENABLED=0 GOBIN=$(@D)/building go install github.com/livekit/livekit-server/cmd/server@v$(LIVEKIT)
	@mv $(@D)/building/server $@ && rmdir $(@D)/building
