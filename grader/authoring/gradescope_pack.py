"""`grader pack gradescope`: pack the grader as an autograder for Gradescope."""

from __future__ import annotations

import io
import secrets
import zipfile
from pathlib import Path

from grader.assignments.archive import add, files_in
from grader.assignments.catalogue import Assignment
from grader.authoring.pack import add_grader
from grader.sandbox.runtime import LOCK, requirements

_LEFT_OUT = ("variants", "faults")

SETUP = """\
#!/usr/bin/env bash
# Run once by Gradescope, as root, when it builds the image.
set -euo pipefail
cd "$(dirname "$0")"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends bubblewrap libseccomp2 python3-pip python3-venv
python3 -m venv tools
tools/bin/pip install --quiet uv
tools/bin/uv venv --quiet --python 3.12 .venv
tools/bin/uv pip install --quiet --python .venv ./package
tools/bin/uv venv --quiet --python 3.12 .venv/{runtime}
tools/bin/uv pip sync --quiet --compile-bytecode --python .venv/{runtime} runtime.lock
"""

RUN = """\
#!/usr/bin/env bash
# Run by Gradescope for every submission. If the grader fails, this fails too, and Gradescope reports it: no zero.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
export GRADER_SECRET="$(cat "$here/source/secret")"
exec "$here/source/.venv/bin/python" -m grader.cli.gradescope_harness "$here" "$here/source/{id}"
"""


def pack_gradescope(assignment: Assignment, secret: str) -> bytes:
    """Return the zip to upload on Gradescope's page "Configure Autograder".

    Args:
        assignment: The assignment.
        secret: Secret of the problems' seed. If empty, a random one is generated.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        add(out, "setup.sh", SETUP.replace("{runtime}", assignment.runtime(Path("sandbox")).name).encode(), 0o755)
        add(out, "run_autograder", RUN.replace("{id}", assignment.id).encode(), 0o755)
        add(out, "secret", (secret or secrets.token_hex(16)).encode(), 0o600)
        add(out, "runtime.lock", requirements(assignment.lock or LOCK).encode())
        add_grader(out, "package")
        for path in files_in(assignment.folder):
            inside = path.relative_to(assignment.folder)
            if inside.parts[0] not in _LEFT_OUT:
                add(out, f"{assignment.id}/{inside.as_posix()}", path.read_bytes())
    return archive.getvalue()
