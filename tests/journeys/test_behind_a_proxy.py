"""A service behind nginx, as deploy/nginx.conf sets it up: with HTTPS, and each client under its own address."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT, TOY_SOLUTION
from tests.running import SLOW, VERIFY, WAIT_SECONDS, Running, free_port, running, until_final

pytestmark = pytest.mark.long

SITE = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
HOST = "grader.example.edu"
SUBMISSIONS = "/api/v1/courses/ml/assignments/toy/submissions"
TOKEN = "a token of Prometheus"
AROUND = """\
user root;
daemon off;
pid nginx.pid;
error_log stderr;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {site}
}}
"""


@dataclass(frozen=True)
class Proxy:
    service: Running
    port: int
    plain_port: int

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    def client(self, address: str, **headers: str) -> httpx.Client:
        """A client with this address on the loopback network."""
        transport = Redirected(self.port, address)
        return httpx.Client(base_url=f"https://{HOST}", transport=transport, headers=headers, timeout=60)

    def student(self) -> httpx.Client:
        return self.client("127.0.0.4", Authorization=f"Bearer {self.service.tokens[0]}")


class Redirected(httpx.HTTPTransport):
    """Finds the host here, whatever its name is."""

    def __init__(self, port: int, address: str) -> None:
        super().__init__(verify=VERIFY, local_address=address)
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)  # the header Host stays
        return super().handle_request(request)


def replaced(text: str, **places: str) -> str:
    for old, new in places.items():
        assert old in text
        text = text.replace(old, new)
    return text


@contextlib.contextmanager
def nginx(folder: Path, service: Running) -> Iterator[Proxy]:
    """The site of deploy/nginx.conf, but for its ports and its certificate."""
    proxy = Proxy(service, free_port(), free_port())
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    openssl = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        [*openssl, "-subj", f"/CN={HOST}", "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    places = {
        "listen 80;": f"listen 127.0.0.1:{proxy.plain_port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{proxy.port} ssl;",
        "http://127.0.0.1:8000": service.url,
        "/etc/ssl/grader/fullchain.pem": str(certificate),
        "/etc/ssl/grader/privkey.pem": str(key),
    }
    configuration = folder / "nginx.conf"
    configuration.write_text(AROUND.format(site=replaced(SITE, **places)), "utf-8")
    command = ["setpriv", "--pdeathsig=TERM", "/usr/sbin/nginx", "-e", "stderr", "-p", str(folder), "-c"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, str(configuration)], stderr=log, env={"PATH": os.defpath})
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not listens(proxy.port):
            assert process.poll() is None, (folder / "log").read_text("utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield proxy
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    settings = {
        "GRADER_WORKERS": "1",
        "GRADER_URL": f"https://{HOST}",
        "GRADER_METRICS_TOKEN": TOKEN,
        "GRADER_RATE_LIMIT_LOGINS": "2/day",
        "FORWARDED_ALLOW_IPS": "127.0.0.1",
    }
    with running(tmp_path_factory.mktemp("service"), students=1, **settings) as service:
        service.start()
        with nginx(tmp_path_factory.mktemp("nginx"), service) as proxy:
            yield proxy


def guess(client: httpx.Client, number: int) -> int:
    headers = {"X-Forwarded-For": f"203.0.113.{number}"}
    return client.post("/login", data={"token": f"guess {number}"}, headers=headers).status_code


def test_failed_logins_are_counted_by_the_clients_real_address(proxy: Proxy) -> None:
    with proxy.client("127.0.0.2") as guessing, proxy.client("127.0.0.3") as other:
        assert [guess(guessing, number) for number in range(3)] == [403, 403, 429]
        assert guess(other, 0) == 403


def test_a_client_that_goes_round_the_proxy_is_not_believed(proxy: Proxy) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.0.5")
    with httpx.Client(base_url=proxy.service.url, transport=transport) as guessing:
        assert [guess(guessing, number) for number in range(3)] == [403, 403, 429]


def test_metrics_are_closed_at_the_proxy_and_open_to_prometheus(proxy: Proxy) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with proxy.client("127.0.0.6") as client:
        through_the_proxy = client.get("/metrics", headers=bearer).status_code
    direct = [httpx.get(f"{proxy.service.url}/metrics", headers=headers).status_code for headers in (bearer, {})]
    assert (through_the_proxy, direct) == (404, [200, 401])


def test_the_largest_submission_passes_and_its_grading_is_told_as_it_happens(proxy: Proxy) -> None:
    with proxy.student() as student:
        files = [("files", ("mlp.py", SLOW.encode())), ("files", ("data.npy", bytes(16_000_000)))]
        receipt = student.post(SUBMISSIONS, files=files)
        assert receipt.status_code == 202, receipt.text
        events = []
        with student.stream("GET", f"{receipt.headers['location']}/events") as stream:
            for line in stream.iter_lines():
                if line == "event: section":
                    events.append(student.get(receipt.headers["location"]).json()["state"])
        assert until_final(student, receipt.headers["location"]) == "graded"
    assert "running" in events


def test_a_submission_counts_from_the_head_of_its_request_behind_the_proxy_too(proxy: Proxy) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="mlp.py"\r\n\r\n'
    body += f"{TOY_SOLUTION}# slowly\r\n--b--\r\n".encode()
    head = f"POST {SUBMISSIONS} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {proxy.service.tokens[0]}\r\n"
    head += f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    context = ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", proxy.port)) as plain, context.wrap_socket(plain) as upload:
        upload.sendall(head.encode() + body[:10])
        time.sleep(2)
        before_the_rest = dt.datetime.now(dt.UTC)
        upload.sendall(body[10:])
        answer = b"".join(iter(lambda: upload.recv(4096), b""))
    submission = json.loads(answer.partition(b"\r\n\r\n")[2])["submission"]
    with proxy.student() as student:
        received_at = student.get(f"/api/v1/submissions/{submission}").json()["received_at"]
    assert dt.datetime.fromisoformat(received_at) < before_the_rest


def test_a_browser_is_sent_to_https_and_gets_cookies_for_this_host_alone(proxy: Proxy) -> None:
    with proxy.client("127.0.0.7") as browser:
        plain = httpx.get(f"http://127.0.0.1:{proxy.plain_port}/courses/ml", headers={"Host": HOST})
        assert (plain.status_code, plain.headers["location"]) == (301, f"https://{HOST}/courses/ml")
        token = {"token": proxy.service.tokens[0]}
        login = browser.post("/login", data=token, headers={"Origin": f"https://{HOST}"})
        assert login.status_code == 303, login.text
        assert re.match(r"__Host-grader=.*; Secure", login.headers["set-cookie"])
        assert "max-age" in login.headers["strict-transport-security"]
