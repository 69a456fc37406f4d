# make book | make test | make paper: each one sets itself up first. `make help` lists the rest.

PYTHON ?= python3
PAPER ?= *
# How much of what is recorded a build makes anew: none, sample (of each page a request with one seed) or all.
export RERUN ?= sample

BIN := .venv/bin
# The stamp's name is a checksum of what is installed: nothing changed, nothing to do.
STAMP := .venv/installed-$(shell cat requirements.txt .ci/without_dependencies.txt pyproject.toml | cksum | tr ' ' '-')

# Trained models, and laptop runs that are not recorded, are shared by book, tests and nbval.
export UNLEARNLIB_CACHE ?= $(CURDIR)/.cache
export OMP_NUM_THREADS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A pip configured to install for the user alone would leave .venv empty.
export PIP_USER := 0
export PYDEVD_DISABLE_FILE_VALIDATION := 1
# Modules are compiled when they are first imported, not when they are installed.
unexport PYTHONDONTWRITEBYTECODE
# A progress bar is for a terminal, not for a page.
book notebooks nbval: export TQDM_DISABLE := 1
# Kernels fork from a process that has imported what notebooks import.
nbval: export JUPYTER_DEFAULT_PROVISIONER_NAME := unlearnlib-fork
# glibc keeps the memory of a step for the next one: a fifth less time on wide layers, the same numbers.
paper workstation: export MALLOC_MMAP_MAX_ := 0
paper workstation: export MALLOC_TRIM_THRESHOLD_ := 100000000000
# Two processes at a time: one thread each.
unit nbval: export OMP_NUM_THREADS := 1

# $(call stage,NAME,COMMAND) runs COMMAND under a heading and prints its seconds.
stage = @printf '\n== %s\n' '$(1)'; start=$$(date +%s); $(2) \
	&& printf '== %s: %s s\n' '$(1)' $$(($$(date +%s) - start))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install book pdf notebooks freeze readme test lint types unit nbval behaviour wheel strict browse paper records workstation clean

help:  ## list these targets (the default)
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 14

install: $(STAMP)  ## make .venv and install the pinned requirements

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python " + sys.version.split()[0] + " is too old: this needs 3.11 or newer. Name another one: make PYTHON=python3.11")'
	$(call stage,install,$(PYTHON) -m venv --clear .venv \
		&& $(BIN)/pip install --quiet --no-compile "$$(grep '^torch==' requirements.txt)" \
		&& $(BIN)/pip install --quiet --no-compile -r requirements.txt \
		&& $(BIN)/pip install --quiet --no-compile --no-deps -r .ci/without_dependencies.txt \
		&& $(BIN)/pip install --quiet --no-deps --no-build-isolation -e . \
		&& touch $@)

book: install  ## execute every notebook, build the HTML, print where it is
	$(call stage,book,$(BIN)/python book/build.py)

pdf: install  ## the whole book as one PDF, printed by Chromium, if there is one
	$(call stage,pdf,$(BIN)/python book/pdf.py)

notebooks: install  ## execute every notebook and copy the outputs to notebooks/ for nbval
	$(call stage,notebooks,$(BIN)/python book/build.py --copy-back)

readme: install  ## count the verdicts of the README anew, from the records
	@$(BIN)/python book/readme.py

freeze: install  ## freeze claims (CLAIM="jit-class ssd-class"): their verdicts rest on runs from today on; AT=workstation/cifar10: there alone
	$(if $(SCALE),$(error Say AT=$(SCALE)/DATASET: claims are frozen by scale and data set))
	@$(BIN)/python book/freeze.py $(CLAIM) $(addprefix --at ,$(AT))

STAGES := lint types nbval unit wheel strict browse
test: install  ## everything that must hold before a commit; all of it, and what failed at the end
	@failed=; for stage in $(STAGES); do $(MAKE) --no-print-directory $$stage || failed="$$failed $$stage"; \
		done; printf '\n== %s stages; failed:%s\n' $(words $(STAGES)) "$${failed:- none}"; \
		test -z "$$failed"

lint: install  ## ruff: rules and format
	$(call stage,lint,$(BIN)/ruff check . && $(BIN)/ruff format --check .)

types: install  ## mypy: the library, the tests and what builds the book
	$(call stage,types,$(BIN)/mypy)

unit: install  ## unit tests and doctests
	$(call stage,unit tests and doctests,$(BIN)/pytest -q -n 2 --dist loadgroup)

nbval: install  ## notebooks against their committed outputs
	$(call stage,nbval,stages=$$($(BIN)/python book/build.py --list) && echo "$$stages" \
		| { failed=; while read -r pages; do $(BIN)/pytest -q -n 2 --dist loadfile \
		--no-loadscope-reorder --nbval-lax --nbval-current-env --nbval-cell-timeout 600 \
		--nbval-sanitize-with tests/nbval.cfg -W default $$pages || failed=1; done; \
		test -z "$$failed"; })

behaviour: install  ## write data/behaviour.json anew: what each method does, by which records go stale
	@$(BIN)/python -c 'from unlearnlib.runs import behaviour; behaviour.main()'

strict: install  ## the book's HTML from what is executed or committed, warnings are errors
	$(call stage,strict,$(BIN)/python book/build.py --committed)

browse: install  ## every page of the built book in Chromium, if there is one: no error, no request outside, axe
	$(call stage,browse,$(BIN)/python book/browse.py)

wheel: install  ## the built wheel in a clean environment
	$(call stage,wheel,$(BIN)/python tests/smoke_wheel.py)

paper: install  ## recorded runs at paper scale by worth an hour, on any device (PAPER=jit: one part; BUDGET=25m: a time; DRY=1: the plan)
	@$(BIN)/python -m unlearnlib run $(BUDGET:%=--budget %) $(if $(DRY),--dry-run) $(wildcard notebooks/$(PAPER)/*.paper.yaml notebooks/$(PAPER)/more/*.paper.yaml)

records: install  ## laptop runs that pages lack (PAGES="notebooks/jit/random.ipynb ..."; all without)
	@TQDM_DISABLE=1 $(BIN)/python -m unlearnlib record $(or $(PAGES),$(shell find notebooks -mindepth 2 -name '*.ipynb' | sort))
	@$(if $(PAGES),,TQDM_DISABLE=1 $(BIN)/python -m unlearnlib record notebooks/jit/full_class.ipynb --grid notebooks/sweeps/jit.yaml)

workstation: install  ## recorded runs at workstation scale (PAPER=jit: one part)
	@$(BIN)/python -m unlearnlib run $(BUDGET:%=--budget %) $(wildcard notebooks/$(PAPER)/*.workstation.yaml notebooks/$(PAPER)/more/*.workstation.yaml)

clean:  ## remove what was built; keep .venv and .cache
	rm -rf book/_build book/_executed dist .mypy_cache .pytest_cache .ruff_cache
