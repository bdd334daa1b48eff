# `make` lists what there is. Everything is installed into this folder, but for the Debian packages.
.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-fast test-long test-hostile test-unprivileged lint docs check gate proof fuzz pictures texts bench lock clean

# institutions with certificates of their own have them in the system's store
export UV_SYSTEM_CERTS = 1
# hundreds of processes import the same modules, so their compiled form is kept
unexport PYTHONDONTWRITEBYTECODE

UV := .tools/bin/uv
PYTHON := .venv/bin/python
GRADER := .venv/bin/grader
# each file's tests on one core, in the order of tests/conftest.py
TEST := $(PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder
DEBIAN := bubblewrap chromium curl libseccomp2 nginx openssl postgresql promtool systemd

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 20

setup: .venv/ready  ## install everything that is needed

demo: .venv/ready  ## grade submissions/perfect and show the report
	@echo "Grading submissions/perfect, a right solution of ps4, with its trainings (grader check submissions/perfect):"
	@$(GRADER) check submissions/perfect

serve: .venv/ready  ## run the service here, until Ctrl-C (OPTIONS="--port 8080")
	$(GRADER) serve $(OPTIONS)

test: .venv/ready .venv/edx/ready  ## run the tests that take a few seconds each at most
	$(TEST) -m 'not long and not hostile and not proof'

test-long: .venv/ready .venv/edx/ready  ## what they leave: whole trainings, certificates, kills, browsers, a few attacks
	$(TEST) -m 'long and not hostile and not proof'

test-fast: .venv/ready  ## run the unit tests, for every save
	$(TEST) tests/unit

test-hostile: .venv/ready  ## the hostile suite and the sandboxes' contract, as this user
	$(PYTHON) -m pytest -n auto --dist worksteal tests/hostile/test_hostile.py tests/contract/test_sandboxes.py tests/contract/test_doctor.py

test-unprivileged: .venv/ready  ## the same as an ordinary user, whom root makes for it
	.ci/unprivileged

lint: .venv/ready  ## style, types and the direction of imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

check: lint docs test test-long test-unprivileged  ## everything before a change lands, and what the continuous integration runs

gate: .venv/ready  ## what a cut costs: certificates, reserved mutants, written answers, frozen verdicts (OPTIONS="--files FOLDER")
	$(PYTHON) -m tests.gate $(OPTIONS)

proof: .venv/ready  ## long proofs: full MNIST for every specimen, a thousand seeds, all mutants, hundreds of kills (four hours)
	$(PYTHON) -m pytest -m proof
	$(GRADER) certify ps4 --long
	$(GRADER) certify ps4 --seeds 1000
	$(PYTHON) -m tests.kernels
	$(GRADER) certify ps4 --mutate --mutants 0
	$(GRADER) certify two_layer_net --mutate --mutants 0 --least 0.95
	$(GRADER) certify softmax --mutate --mutants 0 --least 0.95
	$(MAKE) fuzz

fuzz: .venv/others/ready  ## two minutes of coverage-guided fuzzing of the decoder
	mkdir -p .venv/corpus
	.venv/others/bin/python -m tests.fuzz.decode seeds .venv/corpus
	.venv/others/bin/python -m tests.fuzz.decode -max_total_time=120 .venv/corpus

docs: .venv/docs/ready  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build --strict --quiet

pictures: .venv/ready  ## make the documentation's pictures again
	GRADER_TEST_PICTURES=docs/pictures $(PYTHON) -m pytest tests/journeys/test_pages_in_browser.py tests/journeys/test_marking_in_browser.py
	$(PYTHON) -m tests.pictures

texts: .venv/ready  ## bring the German catalogue up to date with the pages, and compile it
	$(PYTHON) -m tests.texts

bench: .venv/ready .venv/others/ready  ## measured ratios, beside other graders
	$(PYTHON) -m tests.benchmarks.sessions
	$(PYTHON) -m tests.benchmarks.handout_checks
	$(PYTHON) -m tests.benchmarks.training
	$(PYTHON) -m tests.benchmarks.verdict
	$(PYTHON) -m tests.benchmarks.whole_submission
	$(PYTHON) -m tests.benchmarks.batch --mnist
	$(PYTHON) -m tests.benchmarks.attacks
	$(PYTHON) -m tests.benchmarks.accepting
	$(PYTHON) -m tests.benchmarks.ceiling
	$(PYTHON) -m tests.benchmarks.deadline
	$(PYTHON) -m tests.benchmarks.first_grade
	$(PYTHON) -m tests.benchmarks.course

lock: $(UV)  ## choose and lock the newest versions of what we depend on
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --extra server --extra postgres --extra similar --extra calibrate --group dev --upgrade pyproject.toml -o requirements.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --upgrade -c requirements.lock grader/sandbox/runtime.in -o grader/sandbox/runtime.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --upgrade tests/benchmarks/others.in -o tests/benchmarks/others.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --upgrade docs/requirements.in -o docs/requirements.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --upgrade tests/lms/edx.in -o tests/lms/edx.lock

clean:  ## remove what setup installed here
	rm -rf .venv .tools

$(UV):
	@echo "Installing uv, which installs all else, into .tools …"
	@python3 -m pip install --quiet --disable-pip-version-check --target .tools uv

# One environment for the grader, and inside it one for students' code, in which nothing of ours is installed.
.venv/ready: $(UV) requirements.lock grader/sandbox/runtime.lock pyproject.toml
	@echo "Installing the grader, and the environment of students' code, into .venv …"
	@$(UV) venv --quiet --allow-existing .venv
	@$(UV) pip sync --quiet --compile-bytecode --python .venv requirements.lock
	@$(UV) pip install --quiet --python .venv --no-deps --editable .
	@$(UV) venv --quiet --allow-existing .venv/sandbox
	@$(UV) pip sync --quiet --compile-bytecode --python .venv/sandbox grader/sandbox/runtime.lock
	@$(GRADER) runtimes > /dev/null
	@missing=; for p in $(DEBIAN); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	elif [ -n "$$missing" ]; then echo "To isolate submissions and to run all tests: sudo apt-get install$$missing"; fi
	@touch $@

.venv/docs/ready: $(UV) docs/requirements.lock .venv/ready
	$(UV) venv --quiet --allow-existing .venv/docs
	$(UV) pip sync --quiet --python .venv/docs docs/requirements.lock
	@touch $@

# Open edX's packages, which tests run as a platform and as a queue.
.venv/edx/ready: $(UV) tests/lms/edx.lock .venv/ready
	$(UV) venv --quiet --allow-existing .venv/edx
	$(UV) pip sync --quiet --compile-bytecode --python .venv/edx tests/lms/edx.lock
	@touch $@

# The graders that the benchmarks compare with.
.venv/others/ready: $(UV) tests/benchmarks/others.lock .venv/ready
	$(UV) venv --quiet --allow-existing .venv/others
	$(UV) pip sync --quiet --compile-bytecode --python .venv/others tests/benchmarks/others.lock
	@touch $@
