"""Configuration of a real JupyterHub for tests, with its own password-less accounts and without a proxy in front.

Two services are registered as an operator would: "grader", and "other", whose tokens the grader must not accept.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from jupyterhub.proxy import Proxy
from traitlets.config import get_config

FOLDER = Path(os.environ["TEST_HUB_FOLDER"])
OPTIONS = json.loads(os.environ["TEST_HUB_OPTIONS"])


class WithoutProxy(Proxy):
    """Requests go to the hub's own port and to those of the servers, which the file `routes.json` names."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.routes: dict[str, Any] = {}

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def get_all_routes(self) -> dict[str, Any]:
        return self.routes

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}
        (FOLDER / "routes.json").write_text(json.dumps({path: route["target"] for path, route in self.routes.items()}))

    async def delete_route(self, routespec: str) -> None:
        self.routes.pop(routespec, None)


c = get_config()
c.JupyterHub.proxy_class = WithoutProxy
c.JupyterHub.hub_bind_url = OPTIONS["url"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{FOLDER}/{{username}}"
c.Spawner.args = ["--allow-root", "--ServerApp.log_level=ERROR"]
c.Spawner.environment = OPTIONS["environment"]
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.cookie_secret_file = f"{FOLDER}/cookie_secret"
c.JupyterHub.log_level = "ERROR"
c.JupyterHub.services = [
    {
        "name": "grader",
        "api_token": OPTIONS["secret"],
        "oauth_redirect_uri": OPTIONS["redirect_uri"],
        "oauth_no_confirm": True,
        "display": False,
    },
    {"name": "other", "api_token": "other-" * 8, "oauth_redirect_uri": "http://127.0.0.1/", "display": False},
    {"name": "tests", "api_token": OPTIONS["admin_token"], "admin": True, "display": False},
]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=grader", "access:services!service=other"]},
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", "access:services!service=grader"]},
]
