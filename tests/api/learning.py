"""A service beside a learning platform, which is a process of its own, for tests of launches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from grader.store import lti, people
from grader.store.lti import Platform as Registered
from grader.store.records import Role, new_id
from tests.api.serving import serving
from tests.api.world import COURSE, World
from tests.lms.platforms import Form, Platform, browser

DOMAIN = "uni.example"


@dataclass
class Learning:
    """The service of `world` at `url`, registered at a platform with the course "there", whose members are ann, a
    learner, and tess, an instructor. tess is staff of "ml" here, by her e-mail address."""

    world: World
    platform: Platform
    url: str
    tool: dict[str, Any]
    registered: Registered
    there: str
    """Id of the course at the platform."""
    browsers: ExitStack

    def browser(self) -> httpx.Client:
        return self.browsers.enter_context(browser())

    def link(self, assignment: str = "toy", **content: Any) -> str:
        """Add a link to an assignment at the platform."""
        return str(self.platform.add_link(self.there, "Toy", custom={"assignment": assignment}, **content)["id"])

    def open(self, person: str, link: str = "", client: httpx.Client | None = None, **how: Any) -> httpx.Response:
        return self.platform.open(client or self.browser(), person, self.there, link, **how)

    def link_course(self) -> None:
        """tess links the platform's course to "ml"."""
        client = self.browser()
        chosen = self.open("tess", self.link(), client)
        assert chosen.status_code == 200, chosen.text
        linked = client.post(f"{self.url}/lti/course", data=fields(chosen) | {"course": COURSE})
        assert linked.status_code in (200, 303), linked.text

    def stored(self) -> list[Any]:
        with self.world.service.store.read() as tx:
            return lti.contexts_of(tx, COURSE)


def fields(response: httpx.Response) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    return Form(response.text).fields


def registered(world: World, platform: Platform, url: str) -> tuple[dict[str, Any], Registered]:
    """Register the service and the platform at each other by hand."""
    launch = f"{url}/lti/launch"
    tool = platform.add_tool(
        login_url=f"{url}/lti/login",
        launch_url=launch,
        redirect_uris=[launch],
        jwks_uri=f"{url}/lti/jwks.json",
        deep_link_url=launch,
    )
    known = Registered(
        id=new_id(),
        name="platform",
        issuer=tool["issuer"],
        client_id=tool["client_id"],
        login_url=tool["authorization_endpoint"],
        token_url=tool["token_endpoint"],
        keys_url=tool["jwks_uri"],
        deployments=tuple(tool["deployments"]),
        domains=(DOMAIN,),
    )
    with world.service.store.write() as tx:
        lti.put_platform(tx, known)
    return tool, known


@contextmanager
def learning(world: World, platform: Platform, there: str = "") -> Iterator[Learning]:
    """`there` is the course's id at the platform; by default a new one."""
    there = there or f"course-{new_id()}"
    with serving(world) as (host, port), ExitStack() as browsers:
        url = f"http://{host}:{port}"
        tool, known = registered(world, platform, url)
        platform.add_course(there, "Machine learning there", tool["deployments"][0])
        for person, role in (("ann", "Learner"), ("tess", "Instructor")):
            platform.add_person(person, email=f"{person}@{DOMAIN}")
            platform.put_member(there, person, role)
        with world.service.store.write() as tx:
            tess = people.put_person(tx, f"tess@{DOMAIN}", "Tess")
            people.put_member(tx, COURSE, tess.id, Role.STAFF)
        platform.set(storage_target="")
        yield Learning(world, platform, url, tool, known, there, browsers)
