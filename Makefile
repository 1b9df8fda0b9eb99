# Groundswell's commands. `make` alone lists them; each installs what it needs into .venv first.

PYTHON ?= python3
BIN := .venv/bin
MAKEFLAGS += --no-print-directory

# More for pytest: make test TESTS="tests/policies -k quorum"
TESTS ?=
PYTEST := $(BIN)/pytest $(TESTS)
QUICK := -m "not slow and not browser"
PARALLEL := -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo tour reset doctor migrate test test-postgres test-replay-all test-slow test-api e2e pictures coverage \
	check format openapi bench bench-ledger bench-policy bench-pages lock ready-demo ready-dev ready-e2e

help: ## List these commands
	@printf 'Groundswell: governed change from the people who do the work.\n\n'
	@awk -F ':[^#]*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nNew here? make demo\n'

# --- The product -----------------------------------------------------------------------------------------------------

# The trap lets the demonstration hear Ctrl-C and stop its parts, while make goes away without a word.
demo: ready-demo ## Start the product with demonstration data and print its address and sign-in links; Ctrl-C stops it
	@trap : INT; $(BIN)/groundswell demo || { code=$$?; [ $$code -eq 130 ] || exit $$code; }

tour: ready-demo ## Take one change through the running demonstration and print its trail
	@$(BIN)/groundswell tour

reset: ready-demo ## Delete the demonstration's data; the next `make demo` starts afresh
	@$(BIN)/groundswell reset

doctor: ready-demo ## Say what is installed, which Temporal and database would be used, and what is wrong
	@$(BIN)/groundswell doctor

migrate: ready-demo ## Bring the configured database (DATABASE_URL) to the newest schema
	@$(BIN)/groundswell migrate

# --- Tests -----------------------------------------------------------------------------------------------------------

test: ready-dev ## Run every test that needs no browser and is not slow
	@$(PYTEST) $(PARALLEL) $(QUICK)

test-postgres: ready-dev ## Run every test that uses a database on PostgreSQL, from the packages or DATABASE_URL
	@GROUNDSWELL_TEST_DATABASE=postgresql $(PYTEST) $(PARALLEL) -m "postgres and not slow and not browser"

test-replay-all: ready-dev ## Run the suite with no workflow cache, so that every step replays its whole history
	@GROUNDSWELL_MAX_CACHED_WORKFLOWS=0 $(PYTEST) $(PARALLEL) $(QUICK)

test-slow: ready-dev ## Run the slow tests
	@$(PYTEST) $(PARALLEL) -m "slow and not browser" --timeout 900

test-api: ready-dev ## Send made-up requests to every operation of the API and hold the answers to its document
	@$(PYTEST) tests/web/test_schemathesis.py -m slow --timeout 1800

e2e: ready-e2e ## Run the browser tests (needs chromium on this machine)
	@$(PYTEST) -m browser

pictures: ready-e2e ## Take the README's pictures of the running demonstration, with Debian's chromium
	@$(BIN)/python -m scripts.pictures

coverage: ready-dev ## Run the suite under coverage with all examples, print the report and write htmlcov/
	@$(BIN)/coverage erase
	@HYPOTHESIS_PROFILE=steady $(BIN)/coverage run -m pytest $(TESTS) $(PARALLEL) $(QUICK)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet
	@$(BIN)/coverage report

# --- Code ------------------------------------------------------------------------------------------------------------

check: ready-dev ## Check style, types, the direction of imports and known insecure patterns
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/bandit --quiet --recursive --severity-level high . --exclude ./.venv,./.local,./tests

format: ready-dev ## Format the code and repair what ruff can repair
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

openapi: ready-dev ## Write docs/openapi.json again, after the interface has changed
	@$(BIN)/python -m scripts.openapi

bench: ready-dev ## Measure decisions per second, latency and Temporal actions against minimal workflows
	@$(BIN)/python -m benchmarks $(ARGUMENTS)

bench-ledger: ready-dev ## Measure the ledger: appending, verifying, proofs, pages; ARGUMENTS="--records 1000000"
	@$(BIN)/python -m benchmarks.ledger $(ARGUMENTS)

bench-policy: ready-dev ## Measure evaluating a route: 100 routes and 20,000 people against the smallest setting
	@$(BIN)/python -m benchmarks.policy

bench-pages: ready-dev ## Measure every page with a hundred times more of everything; ARGUMENTS="--keep .local/pages"
	@$(BIN)/python -m benchmarks.pages $(ARGUMENTS)

lock: ready-dev ## Compile requirements/*.in again; `make lock ARGUMENTS=--upgrade` takes the newest versions
	@scripts/lock.sh $(ARGUMENTS)

# --- What the others stand on ----------------------------------------------------------------------------------------

# bootstrap.py looks at its stamp first and is done in a tenth of a second where nothing changed.
ready-demo:
	@$(PYTHON) scripts/bootstrap.py demo

ready-dev:
	@$(PYTHON) scripts/bootstrap.py dev

ready-e2e:
	@$(PYTHON) scripts/bootstrap.py e2e
