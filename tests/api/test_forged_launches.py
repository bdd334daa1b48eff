"""Launches that nobody may begin: each is like one that is let in, but for one thing."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwe, jws, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import select

from grader.api.limits import RateLimits
from grader.settings import Settings
from grader.store import lti, people
from grader.store.records import Role, new_id
from grader.store.tables import audit, facts, metadata
from tests.api.serving import serving
from tests.api.world import COURSE, World, living
from tests.lms.platforms import browser

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP = "https://purl.imsglobal.org/spec/lti-dl/claim/"
ROLES = "http://purl.imsglobal.org/vocab/lis/v2/"
ATTACKER, OURS, OTHERS, CURVE = (
    RSAKey.generate_key(2048, {"kid": "attacker"}),
    RSAKey.generate_key(2048, {"kid": "ours"}),
    RSAKey.generate_key(2048, {"kid": "others"}),
    ECKey.generate_key("P-256", {"kid": "ours"}),
)


class Keys(BaseHTTPRequestHandler):
    """Serves the key sets of two platforms, and counts how often they are asked for."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        key = OTHERS if self.path == "/others" else OURS
        content = json.dumps(KeySet([key]).as_dict(private=False)).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass
class Scene:
    """A service with two platforms, the first of which has a linked course."""

    world: World
    url: str
    keys_url: str
    platforms: dict[str, lti.Platform]

    def begin(self, client: httpx.Client, platform: str = "ours") -> tuple[str, str]:
        """Return the state and the nonce of a launch that begins."""
        known = self.platforms[platform]
        query = {"iss": known.issuer, "client_id": known.client_id, "login_hint": "ann", "target_link_uri": "x"}
        answer = client.get(f"{self.url}/lti/login", params=query)
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        return asked["state"][0], asked["nonce"][0]

    def claims(self, nonce: str, platform: str = "ours") -> dict[str, Any]:
        moment = int(time.time())
        return {
            "iss": self.platforms[platform].issuer,
            "aud": self.platforms[platform].client_id,
            "sub": "ann",
            "name": "Ann",
            "email": "ann@uni.example",
            "iat": moment,
            "exp": moment + 300,
            "nonce": nonce,
            CLAIM + "version": "1.3.0",
            CLAIM + "message_type": "LtiResourceLinkRequest",
            CLAIM + "deployment_id": "1",
            CLAIM + "target_link_uri": f"{self.url}/lti/launch",
            CLAIM + "context": {"id": "there", "title": "There"},
            CLAIM + "resource_link": {"id": "link"},
            CLAIM + "roles": [ROLES + "membership#Learner"],
            CLAIM + "custom": {"assignment": "toy"},
        }

    def stored(self) -> Any:
        with self.world.service.store.read() as tx:
            tables = [table for table in metadata.sorted_tables if table not in (facts, audit)]
            return {table.name: tx.execute(select(table)).all() for table in tables}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, toy: Any, reports: Any) -> Iterator[Scene]:
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Keys) as keys,
        living(tmp_path_factory.mktemp("forged"), toy, reports) as world,
        serving(world) as (host, port),
    ):
        threading.Thread(target=keys.serve_forever).start()
        keys_url = f"http://127.0.0.1:{keys.server_address[1]}"
        world.client.app.state.limits = RateLimits(Settings(rate_limit="", rate_limit_logins=""))
        platforms = {}
        with world.service.store.write() as tx:
            for name in ("ours", "others"):
                addresses = [f"https://{name}.example/{path}" for path in ("", "auth", "token")]
                issuer, login_url, token_url = addresses
                is_ours = name == "ours"
                platforms[name] = lti.Platform(
                    id=new_id(),
                    name=name,
                    issuer=issuer,
                    client_id=f"client of {name}",
                    login_url=login_url,
                    token_url=token_url,
                    keys_url=f"{keys_url}/{name}",
                    deployments=("1", "2") if is_ours else ("3",),
                    domains=("uni.example",) if is_ours else (),
                )
                lti.put_platform(tx, platforms[name])
            linked = lti.LinkedContext(new_id(), platforms["ours"].id, "1", "there", "There", COURSE, "", "")
            lti.put_context(tx, linked)
        yield Scene(world, f"http://{host}:{port}", keys_url, platforms)
        keys.shutdown()


@dataclass
class Forged:
    """How a launch differs from one that is let in."""

    claims: dict[str, Any] = field(default_factory=dict)
    """None removes a claim."""
    header: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: OURS)
    alg: str = "RS256"
    token: Callable[[str, dict[str, Any]], str] = lambda token, claims: token
    """Changes the signed token."""
    of: str = "ours"
    """The platform at which the launch is begun."""

    def sign(self, scene: Scene, nonce: str) -> str:
        claims = scene.claims(nonce) | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.alg, "kid": "ours"} | self.header
        header = {name: value for name, value in header.items() if value is not None}
        registry = jws.JWSRegistry(algorithms=[self.alg], strict_check_header=False)
        signed = jwt.encode(header, claims, self.key, [self.alg], registry)
        return self.token(signed, claims)


def part(value: Any) -> str:
    return (
        base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())
        .rstrip(b"=")
        .decode()
    )


def unsigned(alg: str) -> Callable[[str, dict[str, Any]], str]:
    return lambda token, claims: f"{part({'alg': alg, 'typ': 'JWT'})}.{part(claims)}."


def with_secret(alg: str, secret: bytes) -> Callable[[str, dict[str, Any]], str]:
    def signed(token: str, claims: dict[str, Any]) -> str:
        content = f"{part({'alg': alg, 'kid': 'ours'})}.{part(claims)}"
        return f"{content}.{part(hmac.digest(secret, content.encode(), f'sha{alg[2:]}'))}"

    return signed


def twice(name: str, value: Any) -> Callable[[str, dict[str, Any]], str]:
    """A claim that occurs twice, in a token with a good signature."""

    def signed(token: str, claims: dict[str, Any]) -> str:
        text = "{" + f"{json.dumps(name)}: {json.dumps(value)}, " + json.dumps(claims)[1:]
        return jws.serialize_compact({"alg": "RS256", "kid": "ours"}, text, OURS)

    return signed


PEM = OURS.as_pem(private=False)
DER = OURS.as_der(private=False)
SECRETS = {
    "PEM": PEM,
    "PEM without its end": PEM.strip(),
    "DER": DER,
    "modulus": OURS.as_dict(private=False)["n"].encode(),
}
PUBLIC = ATTACKER.as_dict(private=False)
WRONG = (0, 1, True, "", "other", [], ["other"], {}, {"id": "other"}, 1.5)
"""Values of claims that are texts."""


def of_keys() -> Iterator[tuple[str, Forged]]:
    for alg in ("none", "None", "NONE", "nOnE", "", "HS256", "RS256"):
        yield f"unsigned, alg {alg!r}", Forged(token=unsigned(alg))
    for name, secret in SECRETS.items():
        for alg in ("HS256", "HS384", "HS512"):
            yield f"{alg} with the public key as {name}", Forged(token=with_secret(alg, secret))
    for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
        yield f"{alg} by an attacker's key", Forged(key=ATTACKER, alg=alg)
        yield f"{alg} by the other tenant's key", Forged(key=OTHERS, alg=alg)
        yield f"{alg} by the other tenant's key under its id", Forged(key=OTHERS, alg=alg, header={"kid": "others"})
    yield "ES256 under the id of an RSA key", Forged(key=CURVE, alg="ES256")
    for kid in ("attacker", "", "../../dev/null", "ours ", "OURS", "' OR 1=1", "others"):
        yield f"key id {kid!r}", Forged(header={"kid": kid}, key=ATTACKER)
        yield f"key id {kid!r}, the right key", Forged(header={"kid": kid})
    embedded = {
        "jwk": PUBLIC,
        "jku": "https://attacker.example/keys",
        "x5u": "https://attacker.example/certificate",
        "x5c": ["MIIB"],
        "x5t": "AAAA",
    }
    for name, value in embedded.items():
        yield f"header {name} of an attacker", Forged(header={name: value}, key=ATTACKER)
        yield f"header {name} of an attacker without a key id", Forged(header={name: value, "kid": None}, key=ATTACKER)
    for critical in (["exp"], ["unknown"], ["jwk"]):
        header = {"crit": critical, critical[0]: True}
        yield f"crit {critical}", Forged(token=_with_header(header))
    yield "b64 false", Forged(token=_with_header({"b64": False, "crit": ["b64"]}))
    for name, change in TOKENS.items():
        yield name, Forged(token=change)


def of_identity_claims() -> Iterator[tuple[str, Forged]]:
    for name in ("iss", "aud", "sub", "exp", "iat", "nonce"):
        yield f"without {name}", Forged({name: None})
    for name in ("iss", "aud", "nonce", CLAIM + "version", CLAIM + "message_type", CLAIM + "deployment_id"):
        for value in WRONG:
            yield f"{name.rpartition('/')[2]} is {value!r}", Forged({name: value})
    for value in (0, 1, True, "", [], ["ann"], {}, "x" * 201, "a\0b"):
        yield f"sub is {str(value)[:20]!r}", Forged({"sub": value})
    for issuer in ("https://ours.example", "https://OURS.example/", "https://others.example/", "http://ours.example/"):
        yield f"iss is {issuer}", Forged({"iss": issuer})
    for audience in (
        ["client of ours", "client of others"],
        ["client of others"],
        "client of others",
        "client of ours ",
        ["client of ours", 1],
        [["client of ours"]],
    ):
        yield f"aud is {audience}", Forged({"aud": audience})
    for party in ("client of others", "", 0, [], ["client of others"]):
        yield f"azp is {party!r}", Forged({"aud": ["client of ours", "client of others"], "azp": party})
        yield f"azp is {party!r}, one aud", Forged({"azp": party or "x"})


def of_times() -> Iterator[tuple[str, Forged]]:
    moment = int(time.time())
    for name, value in {
        "expired": {"exp": moment - 3600},
        "expired two minutes ago": {"exp": moment - 120},
        "expired at 0": {"exp": 0},
        "exp is a text": {"exp": str(moment + 300)},
        "exp is true": {"exp": True},
        "exp is a list": {"exp": [moment + 300]},
        "not yet valid": {"nbf": moment + 3600},
        "nbf is a text": {"nbf": "now"},
        "made tomorrow": {"iat": moment + 86400},
        "made yesterday": {"iat": moment - 86400},
        "iat is a text": {"iat": str(moment)},
        "iat is negative": {"iat": -1},
    }.items():
        yield name, Forged(value)


def of_launch_claims() -> Iterator[tuple[str, Forged]]:
    for name in ("version", "message_type", "deployment_id", "target_link_uri", "context", "resource_link", "roles"):
        yield f"without {name}", Forged({CLAIM + name: None})
    for deployment in ("3", "4", " 1", "1 ", "0", "1\n2", "x" * 201):
        yield f"deployment {deployment[:9]!r}", Forged({CLAIM + "deployment_id": deployment})
    yield "another deployment of ours, whose course is not linked", Forged({CLAIM + "deployment_id": "2"})
    for version in ("1.3", "1.2.0", "2.0.0", "LTI-1p0", "1.3.0 "):
        yield f"version {version}", Forged({CLAIM + "version": version})
    for message in (
        "LtiSubmissionReviewRequest",
        "LtiStartProctoring",
        "ltiresourcelinkrequest",
        "basic-lti-launch-request",
    ):
        yield f"message {message}", Forged({CLAIM + "message_type": message})
    for target in (
        "https://attacker.example/lti/launch",
        "/lti/launch",
        "javascript:alert(1)",
        "http://127.0.0.1:1/lti/launch",
        "",
    ):
        yield f"target {target}", Forged({CLAIM + "target_link_uri": target})
    for context in ({}, {"id": ""}, {"id": 7}, {"id": "elsewhere"}, {"id": "x" * 201}, [], "there", None):
        yield f"context {str(context)[:20]}", Forged({CLAIM + "context": context})
    for roles in (
        "Learner",
        [],
        [7],
        {},
        [ROLES + "institution/person#Instructor"],
        [ROLES + "system/person#Administrator", ROLES + "institution/person#Administrator"],
        [ROLES + "membership#Mentor"],
        [ROLES + "membership#ContentDeveloper"],
        [ROLES + "membership#Administrator"],
        ["Administrator"],
        ["x" + ROLES + "membership#Instructor"],
    ):
        yield f"roles {str(roles)[:60]}", Forged({CLAIM + "roles": roles, "sub": "a stranger", "email": None})


def of_deep_linking() -> Iterator[tuple[str, Forged]]:
    for settings in (
        None,
        {},
        {"deep_link_return_url": "http://attacker.example", "accept_types": ["ltiResourceLink"]},
    ):
        claims = {CLAIM + "message_type": "LtiDeepLinkingRequest", CLAIM + "roles": [ROLES + "membership#Instructor"]}
        yield f"deep linking with {settings}", Forged(claims | {DEEP + "deep_linking_settings": settings})
    good = {"deep_link_return_url": "https://ours.example/back", "accept_types": ["ltiResourceLink"]}
    claims = {CLAIM + "message_type": "LtiDeepLinkingRequest", DEEP + "deep_linking_settings": good}
    yield "deep linking by a learner", Forged(claims)
    yield (
        "deep linking of files",
        Forged(
            claims
            | {CLAIM + "roles": ["Instructor"], DEEP + "deep_linking_settings": good | {"accept_types": ["file"]}}
        ),
    )
    yield (
        "gradebook of plain http",
        Forged({"https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {"lineitem": "http://x"}}),
    )
    yield "another platform's launch, at its own begin", Forged(of="others")
    yield "another platform's launch, signed by itself", Forged(of="others", key=OTHERS, header={"kid": "others"})


def _with_header(header: dict[str, Any]) -> Callable[[str, dict[str, Any]], str]:
    """The same claims with a good signature under another header."""

    def signed(token: str, claims: dict[str, Any]) -> str:
        head = part({"alg": "RS256", "kid": "ours"} | header)
        content = part(claims)
        signature = OURS.get_op_key("sign")
        raw = signature.sign(f"{head}.{content}".encode(), padding.PKCS1v15(), SHA256())
        return f"{head}.{content}.{part(raw)}"

    return signed


def _encrypted(token: str, claims: dict[str, Any]) -> str:
    header = {"alg": "RSA-OAEP", "enc": "A128CBC-HS256", "kid": "ours", "cty": "JWT"}
    return jwe.encrypt_compact(header, token.encode(), RSAKey.import_key(OURS.as_dict(private=False)))


def _tampered(token: str, claims: dict[str, Any]) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{part(claims | {'sub': 'eve'})}.{signature}"


TOKENS: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "no token": lambda token, claims: "",
    "no JWT": lambda token, claims: "a.b.c",
    "two parts": lambda token, claims: token.rpartition(".")[0],
    "four parts": lambda token, claims: f"{token}.x",
    "no signature": lambda token, claims: token.rpartition(".")[0] + ".",
    "half a signature": lambda token, claims: token[:-100],
    "another subject under the old signature": _tampered,
    "encrypted": _encrypted,
    "nested": lambda token, claims: jws.serialize_compact({"alg": "RS256", "kid": "ours", "cty": "JWT"}, token, OURS),
    "JSON serialization": lambda token, claims: json.dumps(
        dict(zip(("protected", "payload", "signature"), token.split("."), strict=True))
    ),
    "a list of claims": lambda token, claims: jws.serialize_compact({"alg": "RS256", "kid": "ours"}, "[1]", OURS),
    "no claims": lambda token, claims: jws.serialize_compact({"alg": "RS256", "kid": "ours"}, "null", OURS),
    "claims that are not JSON": lambda token, claims: jws.serialize_compact({"alg": "RS256", "kid": "ours"}, "x", OURS),
    "two subjects": twice("sub", "eve"),
    "two deployments": twice(CLAIM + "deployment_id", "3"),
    "two audiences": twice("aud", "client of others"),
    "larger than 64 kB": lambda token, claims: token + "x" * 70_000,
    "a lot of nesting": lambda token, claims: jws.serialize_compact(
        {"alg": "RS256", "kid": "ours"}, "[" * 20_000 + "]" * 20_000, OURS
    ),
    "NUL": lambda token, claims: f"{token}\0",
    "not ASCII": lambda token, claims: f"{token}ü",
}

FORGERIES = dict(itertools.chain(of_keys(), of_identity_claims(), of_times(), of_launch_claims(), of_deep_linking()))


def test_there_are_as_many_forgeries_as_promised() -> None:
    assert len(FORGERIES) >= 240


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with browser() as client:
        yield client


def refused(answer: httpx.Response) -> None:
    """It is refused with a sentence, and begins no session."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert len(answer.json()["detail"].split()) > 3
    assert "grader=" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_launch_is_refused_and_changes_nothing(scene: Scene, client: httpx.Client, name: str) -> None:
    forged, before = FORGERIES[name], scene.stored()
    state, nonce = scene.begin(client, forged.of)
    token = forged.sign(scene, nonce)
    refused(client.post(f"{scene.url}/lti/launch", data={"id_token": token, "state": state}))
    assert scene.stored() == before


def test_the_same_launch_without_a_change_is_let_in_once(scene: Scene, client: httpx.Client) -> None:
    state, nonce = scene.begin(client)
    form = {"id_token": Forged().sign(scene, nonce), "state": state}
    answer = client.post(f"{scene.url}/lti/launch", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/courses/ml/assignments/toy")
    before = scene.stored()
    refused(client.post(f"{scene.url}/lti/launch", data=form))
    assert scene.stored() == before


def test_a_list_with_one_audience_and_a_clock_that_is_a_bit_off_are_let_in(scene: Scene, client: httpx.Client) -> None:
    state, nonce = scene.begin(client)
    moment = int(time.time()) + 30
    token = Forged({"aud": ["client of ours"], "iat": moment, "nbf": moment}).sign(scene, nonce)
    assert client.post(f"{scene.url}/lti/launch", data={"id_token": token, "state": state}).status_code == 303


def test_the_launch_of_another_browser_state_or_nonce_is_refused(scene: Scene) -> None:
    with ExitStack() as stack:
        mine, other = stack.enter_context(browser()), stack.enter_context(browser())
        state, nonce = scene.begin(mine)
        other_state, other_nonce = scene.begin(other)
        others_state, _ = scene.begin(mine, "others")
        token = Forged().sign(scene, nonce)
        before = scene.stored()
        for client, data in (
            (other, {"id_token": token, "state": state}),  # somebody else's browser
            (mine, {"id_token": token, "state": other_state}),
            (mine, {"id_token": token, "state": others_state}),
            (mine, {"id_token": Forged().sign(scene, other_nonce), "state": state}),
            (mine, {"id_token": token, "state": state[:-3] + "AAA"}),
            (mine, {"id_token": token, "state": ""}),
            (mine, {"id_token": token, "state": token}),
            (other, {"id_token": token, "state": state, "browser": "none"}),
        ):
            refused(client.post(f"{scene.url}/lti/launch", data=data))
        assert scene.stored() == before


def test_a_value_of_the_storage_counts_from_pages_of_this_service_alone(scene: Scene, client: httpx.Client) -> None:
    """Otherwise a site could end a launch, which it began itself, in the browser of its visitor."""
    state, nonce = scene.begin(client)
    (cookie,) = client.event_hooks["response"][0].__self__.jar
    with browser() as visitor:
        form = {"id_token": Forged().sign(scene, nonce), "state": state, "browser": cookie.value}
        address = f"{scene.url}/lti/launch"
        refused(visitor.post(address, data=form, headers={"Sec-Fetch-Site": "cross-site"}))
        refused(visitor.post(address, data=form, headers={"Origin": "https://attacker.example"}))
        assert visitor.post(address, data=form, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_forged_key_ids_fetch_the_keys_at_most_once_a_minute(scene: Scene, client: httpx.Client) -> None:
    for _ in range(3):
        state, nonce = scene.begin(client)
        token = Forged(header={"kid": "unknown"}, key=ATTACKER).sign(scene, nonce)
        refused(client.post(f"{scene.url}/lti/launch", data={"id_token": token, "state": state}))
    assert Keys.asked <= 4, "of two platforms, each at the start and once more"


def test_two_platforms_with_the_same_subject_have_two_people(scene: Scene, client: httpx.Client) -> None:
    """The first is trusted with addresses of uni.example, the second is not."""
    with scene.world.service.store.write() as tx:
        context = lti.LinkedContext(new_id(), scene.platforms["others"].id, "3", "there", "There", "other", "", "")
        lti.put_context(tx, context)
        admin = people.put_person(tx, "ann@uni.example", "Ann", admin=True)
        people.put_member(tx, COURSE, admin.id, Role.STUDENT)
    logins = {}
    for name, key, deployment in (("ours", OURS, "1"), ("others", OTHERS, "3")):
        state, nonce = scene.begin(client, name)
        claims = scene.claims(nonce, name) | {CLAIM + "deployment_id": deployment}
        token = jwt.encode({"alg": "RS256", "kid": name}, claims, key)
        answer = client.post(f"{scene.url}/lti/launch", data={"id_token": token, "state": state})
        assert answer.status_code == 303, answer.text
        session = answer.headers["set-cookie"].partition(";")[0]
        me = httpx.get(f"{scene.url}/api/v1/me", headers={"Cookie": session}).json()
        assert not me["admin"], "no platform makes an admin"
        logins[name] = me["login"]
    assert logins["ours"] == "ann@uni.example"
    assert logins["others"].startswith("lti-")
