"""Signed receipts, and the command that checks them without the service."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from grader.api.receipts import signing_key
from tests.api.serving import serving
from tests.api.world import World
from tests.conftest import TOY_SOLUTION, Command


@pytest.fixture
def saved(world: World, tmp_path: Path) -> Path:
    """A folder with a receipt, the service's keys, and the file that was submitted."""
    submission = world.hand_in("ada")
    receipt = world.client.get(f"/api/v1/submissions/{submission}/receipt", headers=world.headers("ada"))
    (tmp_path / "receipt.json").write_text(receipt.text, "utf-8")
    (tmp_path / "keys.json").write_text(world.client.get("/.well-known/jwks.json").text, "utf-8")
    (tmp_path / "mlp.py").write_text(TOY_SOLUTION, "utf-8")
    return tmp_path


def test_a_receipt_is_genuine_and_names_its_author_time_and_files(saved: Path, command: Command) -> None:
    receipt = json.loads((saved / "receipt.json").read_text("utf-8"))
    done = command("verify-receipt", saved / "receipt.json", saved / "mlp.py", "--key", saved / "keys.json")
    assert done.returncode == 0, done.stderr
    submission = f"submission {receipt['submission']} to ml, toy, received at {receipt['received_at']}, by ada"
    assert f"✓ genuine  {submission}" in done.stdout
    assert "mlp.py  as received" in done.stdout


def verify(saved: Path, command: Command, *files: Path) -> tuple[int, str]:
    done = command("verify-receipt", saved / "receipt.json", *files, "--key", saved / "keys.json")
    return done.returncode, done.stdout + done.stderr


def test_other_files_than_those_received_are_seen(saved: Path, command: Command) -> None:
    (saved / "mlp.py").write_text(TOY_SOLUTION + "# later\n", "utf-8")
    code, text = verify(saved, command, saved / "mlp.py")
    assert code == 1
    assert "✗ mlp.py  not as received" in text


@pytest.mark.parametrize("field", ["received_at", "submission", "digest", "authors", "files"])
def test_a_changed_receipt_is_seen(saved: Path, command: Command, field: str) -> None:
    receipt = json.loads((saved / "receipt.json").read_text("utf-8"))
    (saved / "receipt.json").write_text(json.dumps(receipt | {field: "other"}), "utf-8")
    code, text = verify(saved, command)
    assert code == 1
    assert "✗ changed" in text


def test_a_changed_payload_and_a_missing_signature_are_seen(saved: Path, command: Command) -> None:
    receipt = json.loads((saved / "receipt.json").read_text("utf-8"))
    _, payload, signature = receipt["signature"].split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    signed_header = receipt["signature"].partition(".")[0]
    later = base64.urlsafe_b64encode(b'{"received_at":"2020-01-01"}').decode().rstrip("=")
    for forged in (f"{header}.{payload}.", f"{signed_header}.{later}.{signature}", f"{signed_header}.{payload}."):
        (saved / "receipt.json").write_text(json.dumps(receipt | {"signature": forged}), "utf-8")
        code, text = verify(saved, command)
        assert code == 1
        assert "✗ not genuine" in text


def test_the_key_of_another_service_does_not_verify_a_receipt(saved: Path, command: Command, tmp_path: Path) -> None:
    other = OKPKey.generate_key("Ed25519", auto_kid=True).as_dict(private=False)
    (kid,) = [key["kid"] for key in json.loads((saved / "keys.json").read_text("utf-8"))["keys"]]
    (saved / "keys.json").write_text(json.dumps({"keys": [other | {"kid": kid}]}), "utf-8")
    assert verify(saved, command)[0] == 1


@pytest.mark.parametrize("name", ["receipt.json", "keys.json"])
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"keys": []}'])
def test_a_file_that_is_no_receipt_or_key_is_a_wrong_call(
    saved: Path, command: Command, name: str, content: bytes
) -> None:
    (saved / name).write_bytes(content)
    code, text = verify(saved, command)
    assert code == 2, text
    assert "cannot be read" in text


def test_the_key_is_created_once_and_only_its_public_part_is_shown(world: World) -> None:
    shown = world.client.get("/.well-known/jwks.json").json()
    signing_key.cache_clear()  # as another process
    again = world.client.get("/.well-known/jwks.json").json()
    assert shown == again
    assert [sorted(key) for key in shown["keys"]] == [["crv", "kid", "kty", "x"]]


def test_the_key_is_got_from_a_service(world: World, saved: Path, command: Command) -> None:
    with serving(world) as (host, port):
        done = command("verify-receipt", saved / "receipt.json", "--service", f"http://{host}:{port}")
    assert done.returncode == 0, done.stderr


def test_a_pre_check_has_a_signed_receipt_that_says_so(world: World, saved: Path, command: Command) -> None:
    submission = world.hand_in("ada", kind="precheck")
    receipt = world.client.get(f"/api/v1/submissions/{submission}/receipt", headers=world.headers("ada"))
    (saved / "receipt.json").write_text(receipt.text, "utf-8")
    code, text = verify(saved, command)
    assert code == 0
    assert f"precheck {submission}" in text


def test_the_page_links_to_the_signed_receipt(world: World) -> None:
    submission = world.hand_in("ada")
    page = world.client.get(f"/submissions/{submission}/receipt", headers=world.headers("ada")).text
    assert f'<a href="/api/v1/submissions/{submission}/receipt" download="receipt.json">' in page
