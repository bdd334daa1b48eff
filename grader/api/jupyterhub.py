"""Login with a JupyterHub account, in browsers and from the notebook servers that the hub starts.

All code that runs as a person on the hub can log in as this person: code of the hub's admins, and of the notebooks that
the person opens. So both logins have only the rights of a student (`STUDENT_SCOPES`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.integrations.httpx_client import OAuth2Client

from grader.api.external_login import Account, LoginAttempt, LoginService, failed, requests_to_provider
from grader.course.roster import login_of
from grader.lms.openid import NoAnswer, send
from grader.store.records import LoginMethod

_PATHS = {"authorization_endpoint": "oauth2/authorize", "token_endpoint": "oauth2/token"}


class JupyterHub(LoginService):
    """A JupyterHub at which this service is registered as a service with OAuth."""

    name = "jupyterhub"
    method = LoginMethod.JUPYTERHUB
    client_settings = ("jupyterhub_url", "jupyterhub_client_id", "jupyterhub_client_secret")
    auth_method = "client_secret_post"

    def _endpoint(self, name: str) -> str:
        return f"{self.url.rstrip('/')}/hub/api/{_PATHS.get(name, name)}"

    def _account(self, client: OAuth2Client, token: Mapping[str, Any], attempt: LoginAttempt) -> Account:
        return self.owner(token["access_token"])

    def owner(self, token: str) -> Account:
        """Return the account of the user to whom a token of the hub belongs. Raise 403 unless the token is valid and
        for this service, and 503 if the hub does not answer."""
        headers = {"Authorization": f"Bearer {token}"}
        with requests_to_provider():
            response = send("GET", self._endpoint("user"), headers=headers)
            if response.status == 403:
                raise failed("JupyterHub does not know the token, which has expired, was revoked or is of another hub")
            if not response.is_success:
                raise NoAnswer(f"JupyterHub answers with status {response.status}")
            user = response.json()
            # tokens of other services, and services themselves, have no such scope
            access = f"access:services!service={self._client_id.removeprefix('service-')}"
            if user["kind"] != "user" or access not in user["scopes"]:
                raise failed(f"the token of JupyterHub (see docs/operator.md) lacks the scope {access}")
            login = login_of(user["name"] + self._settings.jupyterhub_login_suffix)
            return Account(login, user["name"])
