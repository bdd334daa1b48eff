"""What operators copy: it names what exists, and gives the sandbox what it needs and nothing else."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from grader.api.metrics import Metrics
from grader.bounds import HEAD_SECONDS, MAX_DESCRIPTORS, MAX_UPLOAD_BYTES, MIB, MIN_BYTES_PER_SECOND
from grader.cli.app import COMMANDS
from grader.sandbox.filter import ALLOWED, MODES, TIMES
from grader.settings import Settings
from grader.store.database import Store

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
README = (DEPLOY / "README.md").read_text("utf-8")
SECCOMP = json.loads((DEPLOY / "seccomp.json").read_text("utf-8"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
GRADER = "/opt/grader/.venv/bin/grader"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
BUILDS_THE_SANDBOX = {"clone", "mount", "pivot_root", "sethostname", "umount2", "unshare"}


TEXTS = [
    ROOT / "Dockerfile",
    *(DEPLOY / name for name in ("compose.yaml", "example.env", "nginx.conf", "README.md")),
    *UNITS,
]


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_every_setting_that_is_named_exists(file: Path) -> None:
    named = set(re.findall(r"\bGRADER_([A-Z_]+)\b", file.read_text("utf-8")))
    assert named <= {name.upper() for name in Settings.model_fields}


def test_an_image_and_its_services_run_commands_that_exist() -> None:
    commands = [
        json.loads(DOCKERFILE.rpartition("\nCMD ")[2]),
        *(s.get("command") for s in COMPOSE["services"].values()),
    ]
    assert {command[0] for command in commands if command} == {"serve", "worker"} <= COMMANDS.keys()


@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if GRADER in unit.read_text("utf-8")], ids=lambda unit: unit.stem
)
def test_a_unit_runs_a_command_that_exists(unit: Path) -> None:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string(unit.read_text("utf-8"))
    (command,) = re.findall(rf"{re.escape(GRADER)} (\w+)", parsed["Service"]["ExecStart"])
    assert command in COMMANDS
    assert parsed["Service"]["User"] == "grader"
    # Without a /tmp of its own a service could not hold a filter while it is at work.
    assert parsed["Service"].get("ProtectSystem") != "strict" or parsed["Service"].get("PrivateTmp") == "yes"


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").iterdir():
        installed_here = unit.read_text("utf-8").replace(GRADER, "/bin/true")
        (tmp_path / unit.name).write_text(installed_here)
    command = ["systemd-analyze", "verify", "--man=no", *tmp_path.iterdir()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")  # an unknown key is only a warning


@pytest.mark.parametrize("unit", ["grader", "grader-worker"])
def test_a_unit_is_ready_when_it_says_so_has_a_limit_of_memory_and_reports_that_it_failed(unit: str) -> None:
    lines = (DEPLOY / "systemd" / f"{unit}.service").read_text("utf-8").splitlines()
    wanted = {"Type=notify", "TimeoutStartSec=infinity", "MemoryMax=90%", "OnFailure=grader-failed@%n.service"}
    assert wanted <= {*lines}
    assert (DEPLOY / "systemd" / "grader-failed@.service").exists()


@pytest.mark.parametrize("name", ["grader", "grader-worker"])
def test_a_unit_raises_the_limit_of_open_files_as_far_as_the_service_does(name: str) -> None:
    unit = (DEPLOY / "systemd" / f"{name}.service").read_text("utf-8")
    assert re.findall(r"^LimitNOFILE=(\d+)$", unit, re.MULTILINE) == [str(MAX_DESCRIPTORS)]


def test_containers_raise_the_limit_of_open_files_as_far_as_the_service_does() -> None:
    assert {COMPOSE["services"][name]["ulimits"]["nofile"] for name in ("api", "worker")} == {MAX_DESCRIPTORS}


def test_containers_get_the_settings_of_logins_and_of_the_proxy() -> None:
    environment = COMPOSE["services"]["api"]["environment"]
    logins = {f"GRADER_{name.upper()}" for name in Settings.model_fields if name.startswith(("oidc_", "jupyterhub_"))}
    assert {*logins, "GRADER_URL", "GRADER_METRICS_TOKEN", "FORWARDED_ALLOW_IPS"} <= environment.keys()


def test_the_proxy_is_told_the_limits_that_the_service_has() -> None:
    said = (DEPLOY / "README.md").read_text("utf-8")
    largest = (MAX_UPLOAD_BYTES + MIB) // MIB
    assert set(re.findall(r"(\d+) MiB", said)) == {str(largest)}
    assert f"client_max_body_size {largest}m" in said
    assert f"client_max_body_size {largest}m;" in (DEPLOY / "nginx.conf").read_text("utf-8")
    assert f"within {HEAD_SECONDS:.0f} s" in said
    assert f"{MIN_BYTES_PER_SECOND:,} bytes a second" in said


def test_units_leave_out_what_takes_the_sandbox_away() -> None:
    (named,) = re.findall(r"The units leave out (.+?): they disable", README, re.DOTALL)
    left_out = re.findall(r"`(\w+)=`", named)
    assert len(left_out) == 5
    assert [(unit.name, key) for unit in UNITS for key in left_out if f"\n{key}=" in unit.read_text("utf-8")] == []


@pytest.mark.parametrize(("name", "ending"), [("grader-backup", "db"), ("grader-backup-postgres", "dump")])
def test_copies_are_made_every_night_and_kept_for_thirty_days(name: str, ending: str) -> None:
    timer = (DEPLOY / "systemd" / f"{name}.timer").read_text("utf-8")
    service = (DEPLOY / "systemd" / f"{name}.service").read_text("utf-8")
    assert "OnCalendar=daily" in timer or re.search(r"OnCalendar=\*-\*-\* \d", timer)
    assert f'-name "grader-*.{ending}" -mtime +30 -delete' in service
    assert "OnFailure=grader-failed@%n.service" in service
    assert "backups of thirty days are kept" in README


def test_services_have_no_capability_and_nowhere_to_write() -> None:
    for name in ("api", "worker"):
        service = COMPOSE["services"][name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "no-new-privileges" in service["security_opt"]
        assert "privileged" not in service
    assert re.search(r"^USER grader$", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("command", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_promtool_accepts_the_alerts_and_each_fires_and_rests(command: list[str]) -> None:
    done = subprocess.run(["promtool", *command], cwd=DEPLOY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    alerts = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
    tests = yaml.safe_load((DEPLOY / "alerts_test.yml").read_text("utf-8"))["tests"]
    tried = [(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]]
    assert {(rule["alert"], fires) for rule in alerts for fires in (True, False)} <= {*tried}


DASHBOARD = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
SHOWN = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_the_dashboard_names_metrics_that_exist(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/grader.db")
    store.migrate()
    exposed: set[str] = set()
    for line in Metrics(store).exposition().decode().splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split()
            exposed |= {name} if kind != "histogram" else {f"{name}_{part}" for part in ("bucket", "count", "sum")}
    store.close()
    named = set(re.findall(r"\bgrader_\w+", " ".join(SHOWN)))
    assert named - exposed == set()
    assert len(named) >= 12


def test_prometheus_understands_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": expr.replace("$__rate_interval", "5m")} for n, expr in enumerate(SHOWN)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    command = ["promtool", "check", "rules", tmp_path / "rules.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(SHOWN)} rules found" in done.stdout


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    places = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(places) == len({*places})
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


# ── seccomp.json ─────────────────────────────────────────────────────────────────────────────────────


def allowed() -> list[dict[str, Any]]:
    return [rule for rule in SECCOMP["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"]


def test_the_profile_forbids_what_it_does_not_name_and_allows_what_sessions_may_call() -> None:
    assert (SECCOMP["defaultAction"], SECCOMP["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    named = {name for rule in allowed() for name in rule["names"]}
    assert {*ALLOWED, *MODES, *TIMES} <= named


DANGEROUS = set(
    """
    acct add_key bpf chroot clock_settime clone3 delete_module fanotify_init finit_module fsconfig fsmount fsopen fspick
    init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_load keyctl mknod mknodat
    mount_setattr move_mount name_to_handle_at open_by_handle_at open_tree perf_event_open pidfd_getfd process_madvise
    process_vm_readv process_vm_writev ptrace quotactl reboot request_key setdomainname setns settimeofday swapoff
    swapon syslog umount userfaultfd vhangup
    """.split()  # noqa: SIM905
)
"""They need a capability, reach into other processes, or have been doors out of containers."""


def test_the_profile_allows_six_calls_that_engines_do_not_and_no_other() -> None:
    ordinary, *sockets, builds = allowed()
    assert not DANGEROUS & {*ordinary["names"]}
    assert not BUILDS_THE_SANDBOX & {*ordinary["names"]}
    assert {*builds["names"]} == BUILDS_THE_SANDBOX
    assert [rule["names"] for rule in sockets] == [["socket"]] * len(sockets)


UNDER_THE_PROFILE = """
import errno, json, sys
import pyseccomp as seccomp
profile = json.load(open(sys.argv[1]))
rules = seccomp.SyscallFilter(seccomp.ERRNO(profile["defaultErrnoRet"]))
compare = {"SCMP_CMP_LT": seccomp.LT, "SCMP_CMP_EQ": seccomp.EQ}
for rule in profile["syscalls"]:
    action = seccomp.ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else seccomp.ERRNO(rule["errnoRet"])
    arguments = [seccomp.Arg(a["index"], compare[a["op"]], a["value"]) for a in rule.get("args", [])]
    for name in set(rule["names"]) - set(sys.argv[2].split()):
        try:
            rules.add_rule(action, name, *arguments)
        except OSError as unknown:  # to this processor, or to an older library
            assert unknown.errno in (errno.EINVAL, errno.EDOM, errno.EFAULT), (name, unknown)
rules.load()
from grader.sandbox import selftest
from grader.settings import Settings
selftest.prove("bubblewrap", Settings().runtime)
"""


def under_the_profile(but: str = "") -> subprocess.CompletedProcess[str]:
    """A process that is not allowed `but`, and tries every promise of the sandbox."""
    command = [sys.executable, "-c", UNDER_THE_PROFILE, str(DEPLOY / "seccomp.json"), but]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.long
def test_under_the_profile_the_sandbox_keeps_every_promise() -> None:
    done = under_the_profile()
    assert done.returncode == 0, done.stderr


@pytest.mark.proof
@pytest.mark.parametrize("call", ["mount", "pivot_root", "sethostname", "umount2"])
def test_without_one_of_these_calls_there_is_no_sandbox(call: str) -> None:
    """Nothing starts without clone; started by root, bubblewrap does without unshare."""
    assert "SandboxUnavailable" in under_the_profile(but=call).stderr
