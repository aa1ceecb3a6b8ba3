# Two commands do all the set-up they need: `make deconv` and `make test`.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
MODEL ?= models/zfnet-tiny.onnx
LAYER ?= conv5
BIN := .venv/bin
PAGE := inspectnet/explorer/page/index.html

.PHONY: deconv page test format clean

deconv: .venv/installed  ## show what a layer of MODEL sees in the sample photos
	$(BIN)/inspectnet deconv "$(MODEL)" --layer "$(LAYER)" $(if $(MAPS),--maps $(MAPS))

page: $(PAGE)  ## build the page of reports

$(PAGE): explorer/node_modules/.package-lock.json $(wildcard explorer/*.* explorer/src/*.* explorer/src/*/*.*)
	cd explorer && npm run --silent build -- --logLevel warn

explorer/node_modules/.package-lock.json: explorer/package-lock.json
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null \
	  || { echo "The page of reports is built with Node 20.19 or later (https://nodejs.org), which is not here; all else works without it."; exit 1; }
	cd explorer && npm ci --silent --no-audit --no-fund
	@touch $@

test: .venv/installed-dev  ## format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2 --dist loadfile

format: .venv/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/installed-dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@ .venv/installed

clean:
	rm -rf .venv out explorer/node_modules inspectnet/explorer/page .pytest_cache .mypy_cache .ruff_cache
