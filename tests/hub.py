"""A real JupyterHub as a process, and people who use it with a browser or an API token."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import ROOT, without_settings
from tests.running import VERIFY, WAIT_SECONDS, free_port

SECRET = "the-secret-of-the-service-grader"
ADMIN_TOKEN = "the-token-of-the-tests"


@dataclass(frozen=True)
class Hub:
    url: str
    folder: Path

    def settings(self) -> dict[str, str]:
        """The settings of a service that trusts this hub."""
        return {
            "jupyterhub_url": self.url,
            "jupyterhub_client_id": "service-grader",
            "jupyterhub_client_secret": SECRET,
        }

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        answer = httpx.request(
            method, f"{self.url}/hub/api{path}", headers=headers, json=body, verify=VERIFY, timeout=WAIT_SECONDS
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def token(self, login: str, *scopes: str, seconds: int = 600) -> tuple[str, str]:
        """Return the id of a new token of a user, and the token. By default it has the scopes of a server's token."""
        wanted = scopes or ("access:services!service=grader", "users:activity!user")
        made = self.api("POST", f"/users/{login}/tokens", {"scopes": wanted, "expires_in": seconds})
        return made["id"], made["token"]

    def authorize(self, login: str, url: str) -> str:
        """Log in as a user at the address to which the service has sent the browser. Return where the hub sends it."""
        with httpx.Client(base_url=self.url, verify=VERIFY) as browser:
            (xsrf,) = re.findall('name="_xsrf" value="([^"]*)"', browser.get("/hub/login").text)
            browser.post("/hub/login", data={"username": login, "password": "any", "_xsrf": xsrf})
            answer = browser.get(url)
            assert answer.status_code == 302, answer.text
            return str(answer.headers["location"])

    def add_user(self, login: str) -> None:
        self.api("POST", f"/users/{login}")

    def start_server(self, login: str) -> str:
        """Start a notebook server, and return its address."""
        self.api("POST", f"/users/{login}/server", {})
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.api("GET", f"/users/{login}")["server"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        routes = json.loads((self.folder / "routes.json").read_text("utf-8"))
        return f"{routes[f'/user/{login}/']}/user/{login}"


@contextmanager
def jupyterhub(folder: Path, redirect_uri: str, environment: Mapping[str, str] = {}) -> Iterator[Hub]:
    """Run a hub. Its notebook servers have the variables in `environment`."""
    folder.mkdir()
    hub = Hub(f"http://127.0.0.1:{free_port()}", folder)
    options = {
        "url": hub.url,
        "secret": SECRET,
        "admin_token": ADMIN_TOKEN,
        "redirect_uri": redirect_uri,
        "environment": dict(environment),
    }
    binaries = Path(sys.executable).parent
    own = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "TEST_HUB_FOLDER": str(folder),
        "TEST_HUB_OPTIONS": json.dumps(options),
    }
    command = [binaries / "jupyterhub", "--config", ROOT / "tests" / "jupyterhub_config.py"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=without_settings() | own, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not _answers(hub):
            is_late = time.monotonic() > deadline
            assert process.poll() is None, (folder / "log").read_text("utf-8")
            assert not is_late, (folder / "log").read_text("utf-8")
            time.sleep(0.1)
        yield hub
    finally:
        process.terminate()  # it ends its servers, too
        process.wait(WAIT_SECONDS)


def _answers(hub: Hub) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{hub.url}/hub/api", verify=VERIFY).is_success
    return False
