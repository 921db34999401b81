# make demo, make test: both set everything up first, which takes a few minutes once and is quick afterwards.
PYTHON = python3
VENV = .venv

.PHONY: help demo test test-fast test-oldest test-release constraints-oldest test-external test-kokkos venv lint docs bench clean

help:
	@echo "make demo    set up, then thermal conductivity of a Lennard-Jones liquid on 2 ranks (a few minutes)"
	@echo "make test    set up, then run the tests"
	@echo "make test-fast   the tests that need neither LAMMPS nor patience (it is not built for them)"
	@echo "make test-oldest     the tests with the oldest dependencies that pyproject.toml allows, in $(VENV)-oldest"
	@echo "make test-release    the wheel in an empty environment: LAMMPS, doctor, README (minutes)"
	@echo "make test-external   the tests of adapters to other libraries, in an environment of their own (no LAMMPS)"
	@echo "make test-kokkos     the laws of LAMMPS with pair_style mliap/kk, where lmp of $(VENV) has Kokkos"
	@echo "make venv    set up only: $(VENV) with lammps_adflux and LAMMPS (3 to 7 minutes on 2 cores, once)"
	@echo "make lint    ruff check, ruff format --check, pyright"
	@echo "make bench   speed beside LAMMPS' own pair styles, and whether something became slower (10 minutes, idle machine)"
	@echo "make docs    the documentation's pages, in build/site (open build/site/index.html)"
	@echo "make clean   remove $(VENV) and $(VENV)-oldest; LAMMPS stays in the cache (~/.cache/lammps-adflux)"
	@echo "PYTHON=...   the Python to use, 3.11 to 3.13 (now: $(PYTHON))"

demo: venv
	$(VENV)/bin/python examples/01_lj_conductivity/demo.py

# two files at a time: most tests use one core
test: venv
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.python
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not lammps and not slow"

# the oldest MPI makes this a build of LAMMPS of its own, once
OLDEST = tests/constraints-oldest.txt

test-oldest: $(VENV)-oldest/.lammps
	$(VENV)-oldest/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

$(VENV)-oldest/.lammps: pyproject.toml $(OLDEST) cmake/CMakeLists.txt cmake/*.cmake cmake/exchange.cc cmake/patches/*.patch
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --disable-pip-version-check --progress-bar off -c $(OLDEST) -e '.[lammps,test]'
	$(VENV)-oldest/bin/adflux build-lammps
	@touch $@

# after a change of bounds; needs uv. pyparsing 3.3 and click 8.5 warn of what the oldest matplotlib and typer do
constraints-oldest:
	head -n 2 $(OLDEST) > $(OLDEST).new
	printf 'pyparsing<3.3\nclick<8.5\n' | uv pip compile --quiet --resolution lowest-direct --python-version 3.11 --extra lammps --extra test \
		--no-header --no-annotate --constraint /dev/stdin pyproject.toml >> $(OLDEST).new
	mv $(OLDEST).new $(OLDEST)

# before a release: the wheel in an empty environment builds LAMMPS and runs README
test-release: venv
	ADFLUX_RELEASE=1 $(VENV)/bin/python -m pytest tests/test_release.py

# nequix, mlip, ace-jax and jax-md want versions of their own of much that JAX programs use
test-external: $(VENV)-external/.python
	$(VENV)-external/bin/python -m pytest tests/test_external_*.py

# lmp of the environment must have Kokkos: install a build of yours there (cmake/README.md)
KOKKOS = -k on t 1 -sf kk
# `fix pair` knows no values of mliap/kk; test_lammps_wrappers.py turns the suffix off
KOKKOS_LAWS = flux native virials layers pairs exchange lifecycle

test-kokkos: $(VENV)/.python
	@$(VENV)/bin/lmp -h | grep -q '^KOKKOS package API' || { echo "$(VENV)/bin/lmp has no Kokkos: install one there that has, see cmake/README.md"; exit 1; }
	ADFLUX_LMP_OPTIONS="$(KOKKOS)" $(VENV)/bin/python -m pytest $(KOKKOS_LAWS:%=tests/test_lammps_%.py) tests/test_hnemd.py -k 'not fix_pair'

$(VENV)-external/.python: pyproject.toml
	$(PYTHON) -m venv $(VENV)-external
	$(VENV)-external/bin/python -m pip install --disable-pip-version-check --progress-bar off -e '.[test,external]'
	@touch $@

venv: $(VENV)/.lammps

# a stamp that is newer than its inputs says that the step is done
$(VENV)/.python: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; ok = (3, 11) <= v < (3, 14); ok or print("lammps_adflux needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is %d.%d: name another one, for example make PYTHON=python3.12" % v); sys.exit(not ok)'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --progress-bar off -e '.[lammps,test]'
	@touch $@

$(VENV)/.lammps: $(VENV)/.python cmake/CMakeLists.txt cmake/*.cmake cmake/exchange.cc cmake/patches/*.patch
	$(VENV)/bin/adflux build-lammps
	@touch $@

bench: venv
	$(VENV)/bin/python benchmarks/lj_in_lammps.py --repeat 3
	$(VENV)/bin/python benchmarks/pair_styles_in_lammps.py --steps 20
	$(VENV)/bin/python benchmarks/guard.py

# pyright reads the lammps module, which the build of LAMMPS brings
lint: venv
	$(VENV)/bin/python -m pip install --disable-pip-version-check --progress-bar off -e '.[dev]'
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/pyright --pythonpath $(VENV)/bin/python

# warnings are errors (strict in mkdocs.yml)
docs: $(VENV)/.python
	$(VENV)/bin/python -m pip install --disable-pip-version-check --progress-bar off -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet

clean:
	rm -rf $(VENV) $(VENV)-oldest
