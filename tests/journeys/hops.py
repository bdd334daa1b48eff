"""`python -m tests.journeys.hops http|batch FOLDER`: submit once, and write the calls that lead to the first judgement.

It is a program because grading processes import the main module of the process that starts them: so their calls are
recorded too. Each file in FOLDER has the functions of the grader on one stack, the outermost first.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from tests.conftest import ROOT

PACKAGE = str(ROOT / "grader")
FOLDER = "HOPS_FOLDER"
RECORDED = {
    "submit": "command",  # the admission of a submission, which goes on in another thread
    "StoreQueue.enqueue": "enqueue",
    "GradingProcess.grade": "worker",
}


def stack(frame: FrameType | None) -> list[str]:
    """Return the functions of the grader on a stack, the outermost first."""
    names = []
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            names.append(frame.f_code.co_qualname)
        frame = frame.f_back
    return names[::-1]


def is_judgement(frame: FrameType) -> bool:
    return frame.f_code.co_qualname.endswith("<locals>.judge") and frame.f_code.co_filename.startswith(PACKAGE)


def profile(frame: FrameType, event: str, _argument: Any) -> None:
    """Write the stack of the first call of each recorded function."""
    if event != "call":
        return
    name = "judgement" if is_judgement(frame) else RECORDED.get(frame.f_code.co_qualname)
    if name == "command" and not frame.f_code.co_filename.endswith("submitting.py"):
        return
    file = Path(os.environ[FOLDER], f"{name}.json")
    if name is not None and not file.exists():
        file.write_text(json.dumps(stack(frame)))
    if name == "judgement":
        sys.setprofile(None)  # the rest of the grading need not be slow


def submit_to_the_service(folder: Path) -> None:
    """Submit a pre-check by HTTP to a service on one machine, and wait for its report."""
    from fastapi.testclient import TestClient

    from grader.api.app import create_app
    from grader.service import single_machine
    from grader.settings import Settings
    from grader.store import offerings, people
    from grader.store.records import Course, Offering, Role, TokenKind

    service, workers = single_machine(Settings(home=folder / "home", workers=1), "bubblewrap")
    with service.store.write() as tx:
        people.add_course(tx, Course("ml", "Machine Learning"))
        offerings.put_offering(tx, Offering("ml", "ps4"))
        ada = people.put_person(tx, "ada", "Ada")
        people.put_member(tx, "ml", ada.id, Role.STUDENT)
        token = people.new_token(tx, ada.id, TokenKind.PROGRAM, "hops", None)
    workers.start(warm=False)
    with TestClient(create_app(service), headers={"Authorization": f"Bearer {token}"}) as client:
        files = [("files", ("mlp.py", (ROOT / "submissions" / "perfect" / "mlp.py").read_bytes()))]
        url = "/api/v1/courses/ml/assignments/ps4/submissions"
        receipt = client.post(url, files=files, data={"kind": "precheck"}).json()
        while client.get(f"/api/v1/submissions/{receipt['submission']}").json()["state"] in ("queued", "running"):
            time.sleep(0.1)
    workers.stop(0)
    service.intake.close()
    service.store.close()


def submit_by_batch(folder: Path) -> None:
    """Grade a class of one with `grader batch --code`."""
    from grader.cli.batch import app

    (folder / "class").mkdir()
    (folder / "class" / "ada.py").write_bytes((ROOT / "submissions" / "perfect" / "mlp.py").read_bytes())
    app([str(folder / "class"), "-a", "ps4", "-o", str(folder / "out"), "--only", "q2.1"], standalone_mode=False)


if __name__ in ("__main__", "__mp_main__"):
    # imported before the profile, under which importing takes several times as long
    import grader.workers.grading_process

    if __name__ == "__main__":
        import grader.api.app
        import grader.cli.batch  # noqa: F401

        os.environ[FOLDER] = sys.argv[2]
    threading.setprofile(profile)
    sys.setprofile(profile)
    if __name__ == "__main__":
        {"http": submit_to_the_service, "batch": submit_by_batch}[sys.argv[1]](Path(sys.argv[2]))
