# What people and CI run. `make help` lists it. Settings are given on the command line: make up PORT=9000
VENV ?= .venv
BIN := $(VENV)/bin
CODE := models kb appliance tests benchmarks deploy
PROFILES := saas it_helpdesk shop
WORK := build/reranker
MINUTES ?= 50
LOCKED := requirements/build.txt pyproject.toml deploy/dev/setup.sh
UP := $(if $(PORT),--port "$(PORT)") $(if $(PROFILE),--profile "$(PROFILE)") $(if $(DATA),--data "$(DATA)")

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up test check lint types imports docs docs-check format bench torture vllm-test torch-test egress-proof train-heads train-encoder train-reranker train-names train-support lock wheel licences hooks clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.serve ## install what is missing and serve on http://127.0.0.1:8080 (PORT= PROFILE= DATA=)
	@exec $(BIN)/appliance up $(UP)

test: $(VENV)/.dev $(VENV)/.system ## install what is missing and run the tests (ARGS="tests/kb -x")
	@$(BIN)/python -m pytest -m "not vllm" $(ARGS)

check: lint types imports docs-check test ## what CI runs: lint, types, import rules, docs, tests

lint: $(VENV)/.dev ## rules and format of the code
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

types: $(VENV)/.dev ## strict type check
	@$(BIN)/mypy

imports: $(VENV)/.dev ## the rooms' import rules
	@$(BIN)/lint-imports

docs: $(VENV)/.dev ## write docs/cli.md anew from the commands' help, and docs/models.md and deploy/presets from the catalogue
	@$(BIN)/python deploy/dev/cli_docs.py
	@$(BIN)/python deploy/dev/model_docs.py

docs-check: $(VENV)/.dev ## is docs/cli.md what the commands say of themselves?
	@$(BIN)/python deploy/dev/cli_docs.py --check
	@$(BIN)/python deploy/dev/model_docs.py --check

format: $(VENV)/.dev ## format the code and mend what can be mended by rule
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

bench: $(VENV)/.dev ## measured figures (ARGS= is passed on; see benchmarks/)
	@$(BIN)/python -m benchmarks $(ARGS)

torture: $(VENV)/.dev $(VENV)/.system ## kill the box again and again while people write, and compare it with what they saw (ARGS="--kills 200 --postgres --replicas 2")
	@$(BIN)/python -m benchmarks.recovery $(ARGS)

vllm-test: $(VENV)/.dev ## the tests against a real vLLM server on the CPU, which is built, started and stopped (4 GB, once)
	@port="$${VLLM_PORT:-$$($(BIN)/python deploy/dev/free_port.py)}"; export VLLM_PORT="$$port"; \
	trap 'deploy/dev/vllm-cpu.sh stop' EXIT; \
	deploy/dev/vllm-cpu.sh start && eval "$$(deploy/dev/vllm-cpu.sh env)" && $(BIN)/python -m pytest -m vllm $(ARGS)

torch-test: .venv-torch/.torch ## the tests that need torch: bigger models, training the reranker (an environment of its own, once)
	@OMP_NUM_THREADS=2 .venv-torch/bin/python -m pytest -m torch $(ARGS)

egress-proof: $(VENV)/.dev ## as root: the whole story in a network that writes down all that would leave (ARGS="--vllm .venv-vllm")
	@deploy/dev/setup.sh egress
	@$(BIN)/python -m deploy.egress_proof $(ARGS)

train-heads: $(VENV)/.serve ## fit the intent heads of every shipped profile anew; needs no torch
	@rm -rf build/heads-before && mkdir -p build && cp -r models/weights/intent build/heads-before
	@for profile in $(PROFILES); do $(BIN)/python -m models.training.intent --profile $$profile --encoder models/weights/encoder \
		--train models/training/data/$$profile/train.csv --heldout models/training/data/$$profile/heldout.csv \
		--out models/weights/intent/$$profile || exit 1; done
	@$(BIN)/python -m models.catalog hash
	@$(BIN)/python -m appliance.retraining.shipped_cards $(PROFILES) --before build/heads-before

train-support: $(VENV)/.dev ## fit the support checker anew and compare it with what it replaces: KB="articles.jsonl ..."; needs no torch
	@mkdir -p $(WORK)/support
	@$(BIN)/python -m models.training.support_pairs $(if $(KB),--kb $(KB)) --limit 130 --out $(WORK)/support
	@$(BIN)/python -m models.training.support_fit --pairs $(WORK)/support --out models/weights/support --report models/weights/support
	@$(BIN)/python -m models.catalog hash

train-encoder: .venv-train/.train ## export the encoder to int8 ONNX anew
	@rm -rf build/encoder-before && mkdir -p build && cp -r models/weights/encoder build/encoder-before
	@.venv-train/bin/python -m models.training.torch_export encoder --out models/weights/encoder --sample models/training/data/*/*.csv --before build/encoder-before
	@.venv-train/bin/python -m models.catalog hash

train-reranker: .venv-train/.train ## train the cross-encoder and fit the order to it: KB=articles.jsonl PAIRS=links.jsonl MINUTES=50
	@test -n "$(KB)" || { echo 'Name the articles to train on: make train-reranker KB=articles.jsonl [PAIRS=links.jsonl]' >&2; exit 2; }
	@mkdir -p $(WORK)
	@.venv-train/bin/python -m models.training.mining --kb "$(KB)" $(if $(PAIRS),--pairs "$(PAIRS)") --encoder models/weights/encoder \
		--out $(WORK)/groups.jsonl --dev $(WORK)/dev.jsonl
	@.venv-train/bin/python -m models.training.torch_reranker --groups $(WORK)/groups.jsonl --dev $(WORK)/dev.jsonl \
		--checkpoint $(WORK)/checkpoint --minutes $(MINUTES)
	@.venv-train/bin/python -m models.training.torch_export reranker --checkpoint $(WORK)/checkpoint --out models/weights/reranker --sample $(WORK)/dev.jsonl
	@.venv-train/bin/python -m models.catalog hash
	@for profile in $(PROFILES); do .venv-train/bin/python -m benchmarks.candidates --kb kb/starter/$$profile \
		--questions tests/data/questions/$$profile.jsonl --kind starter --out $(WORK)/candidates-$$profile.jsonl || exit 1; done
	@$(if $(PAIRS),.venv-train/bin/python -m benchmarks.candidates --kb "$(KB)" --questions "$(PAIRS)" --kind link --held-out --out $(WORK)/candidates-link.jsonl,rm -f $(WORK)/candidates-link.jsonl)
	@.venv-train/bin/python -m models.training.fusion --candidates $(WORK)/candidates-*.jsonl --reranker models/weights/reranker --out models/weights/reranker/fusion.json
	@.venv-train/bin/python -m models.catalog hash

train-names: .venv-train/.train ## fit the name tagger of the masking anew (PROSE="articles.jsonl ..." without names of persons, beside the starter articles)
	@.venv-train/bin/python -m models.training.torch_names --encoder models/weights/encoder --out models/weights/names \
		--messages models/training/data/*/train.csv --prose kb/starter $(PROSE)
	@.venv-train/bin/python -m models.catalog hash

lock: $(VENV)/.dev ## resolve requirements/*.txt anew from pyproject.toml
	@deploy/dev/lock.sh $(BIN)/uv

wheel: $(VENV)/.dev ## build the wheel into dist/
	@$(BIN)/python -m hatchling build -t wheel

licences: $(VENV)/.serve ## licences of everything that is installed by default
	@$(BIN)/python deploy/dev/licences.py requirements/serve.txt

hooks: $(VENV)/.dev ## check before each commit
	@$(BIN)/pre-commit install

clean: ## remove caches and build results
	@rm -rf dist build .mypy_cache .ruff_cache .import_linter_cache .hypothesis tests/screenshots benchmarks/out
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environments too; data/ stays
	@rm -rf .venv .venv-train .venv-torch .venv-vllm

$(VENV)/.serve: $(LOCKED) requirements/serve.txt
	@deploy/dev/setup.sh install "$(VENV)" serve

$(VENV)/.dev: $(LOCKED) requirements/dev.txt
	@deploy/dev/setup.sh install "$(VENV)" dev

$(VENV)/.system: deploy/dev/setup.sh | $(VENV)/.dev
	@deploy/dev/setup.sh system
	@touch "$@"

.venv-train/.train: $(LOCKED) requirements/train.txt requirements/torch.txt
	@deploy/dev/setup.sh install .venv-train train

.venv-torch/.torch: $(LOCKED) requirements/train.txt requirements/torch.txt requirements/dev.txt
	@deploy/dev/setup.sh install .venv-torch train
	@deploy/dev/setup.sh install .venv-torch dev
	@touch "$@"
