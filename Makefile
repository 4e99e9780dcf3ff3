.DEFAULT_GOAL := help
PYTHON := .venv/bin/python

help:            ## list what can be made
	@sed -n 's/^\([a-z-]*\): *## */\1\t/p; s/^\([a-z-]*\):.*## */\1\t/p' $(MAKEFILE_LIST) | sort -u | expand -t 12

demo:            ## run the whole system; HEADLESS=1: no window, ends on its own; VERBOSE=1: all logs
	@scripts/bootstrap kiosk demo
	@$(PYTHON) -m scripts.demo $(if $(HEADLESS),--headless) $(if $(VERBOSE),--verbose) $(ARGS)

test:            ## every test, against real brokers, databases and a browser
	@scripts/bootstrap kiosk test
	@$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

faults:          ## faults of a whole school as real processes; writes docs/reliability.md
	@scripts/bootstrap kiosk test
	@$(PYTHON) -m scripts.faults $(ARGS)

simulate:        ## a school in virtual time with faults, one run or ARGS="--hours 2"
	@scripts/bootstrap kiosk test
	@$(PYTHON) -m tests.simulation $(ARGS)

check:           ## format, lint, types, import rules, sizes
	@scripts/bootstrap lint test
	@scripts/check

lint:            ## format and lint, mending what can be mended
	@scripts/bootstrap lint
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

bench:           ## the benchmarks of docs/benchmarks.md
	@scripts/bootstrap kiosk test bench
	@$(PYTHON) -m scripts.bench $(ARGS)

api-fuzz:        ## right and wrong requests to every address of the API; EXAMPLES=200 for each
	@scripts/bootstrap kiosk test
	@ROLLCALL_API_EXAMPLES=$(or $(EXAMPLES),200) $(PYTHON) -m pytest -q --timeout 3600 tests/integration/server/test_api_schema.py

mutate:          ## break each rule of the record and check that a test notices
	@scripts/bootstrap kiosk test
	@$(PYTHON) -m scripts.mutate $(ARGS)

.PHONY: simulate faults mutate help demo test check lint bench api-fuzz
