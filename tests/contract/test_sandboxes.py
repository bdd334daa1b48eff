"""What every sandbox promises, tried by real code in real processes; and the walls that only bubblewrap has."""

from __future__ import annotations

import errno
import json
import socket
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.errors import BadCall, SandboxUnavailable
from grader.guest.wire import Ref
from grader.model import Died, Failure, Limit, Limits, Place, Raised, Stopped, Unusable
from grader.sandbox.bubblewrap import Bubblewrap
from grader.sandbox.choose import choose
from grader.sandbox.contract import ENVIRONMENT, Answered, Array, Sandbox, Session
from grader.sandbox.plain import Plain
from tests.conftest import ROOT

PROBE = """\
import os
import sys
import time

import numpy as np

RELU = "relu"


class Probe:
    def __init__(self, activation=""):
        self.is_relu = activation is RELU
        self.steps = 0
        self.drawn = np.random.randn()
        self.params = {"W": np.zeros((2, 3)), "b": np.zeros((1, 3), np.float32), "n": np.zeros(3, int)}

    def run(self, code, *arguments):
        names = {"self": self, "arguments": arguments, "os": os, "sys": sys, "np": np}
        exec(code, names)
        return names.get("answer")

    def fails(self):
        raise ValueError("no")

    def spins(self):
        while True:
            self.steps += 1

    def loss(self, scale):
        return scale * self.params["W"].sum(), "not asked for"
"""

QUICK = Limits(load_cpu_seconds=20, call_cpu_seconds=5, memory_bytes=1 << 30, reply_bytes=1 << 20, disk_bytes=8 << 20)

Start = Callable[..., Session]


class Impatient(Limits):
    """The backstop comes right after the CPU limit."""

    def wall_seconds(self, cpu_seconds: float) -> float:
        return cpu_seconds


@pytest.fixture(scope="module", params=["bubblewrap", "plain"])
def room(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Sandbox]:
    if request.param == "bubblewrap":
        yield sandbox
    else:
        plain = Plain()
        yield plain
        plain.close()


@pytest.fixture
def start(room: Sandbox) -> Iterator[Start]:
    """Starts a session with the probe in it, as object 0."""
    yield from starting(room)


@pytest.fixture
def walled(sandbox: Sandbox) -> Iterator[Start]:
    """The same in bubblewrap only."""
    yield from starting(sandbox)


def starting(room: Sandbox) -> Iterator[Start]:
    sessions: list[Session] = []

    def start(limits: Limits = QUICK, shared: dict[str, Array] | None = None, **options: Any) -> Session:
        session = room.session(limits, shared or {})
        sessions.append(session)
        assert isinstance(load(session, {"mlp.py": PROBE}), Answered)
        assert session.request(["new", 0, [], options], 5) == Answered(0)
        return session

    yield start
    for session in sessions:
        session.close()


def load(session: Session, files: dict[str, str], notebooks: list[Any] | None = None) -> Answered | Failure:
    sources = {name: np.frombuffer(text.encode(), np.uint8) for name, text in files.items()}
    return session.request(["load", sources, notebooks or [], ["Probe"], {}, 0.0], 20)


def call(session: Session, method: str, *arguments: Any, cpu: float = 5.0, soft: float = 0.0) -> Answered | Failure:
    return session.request(["call", 0, method, list(arguments), {}, soft], cpu)


def run(session: Session, code: str, *arguments: Any, cpu: float = 5.0) -> Any:
    """What the code leaves in `answer`, or the failure."""
    got = call(session, "run", code, *arguments, cpu=cpu)
    value = got.value if isinstance(got, Answered) else got
    return value.tolist() if isinstance(value, np.ndarray) else value


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────


def test_plain_values_go_in_and_come_back(start: Start) -> None:
    sent = {"a": [1, 2.5, None, True, "text"], "array": np.arange(6.0).reshape(2, 3)}
    got = call(start(), "run", "answer = arguments[0]", sent)
    assert isinstance(got, Answered)
    assert got.value["a"] == sent["a"]
    assert np.array_equal(got.value["array"], sent["array"])


def test_what_cannot_be_sent_is_told_and_the_session_goes_on(start: Start) -> None:
    session = start()
    assert isinstance(run(session, "answer = np.zeros((1,) * 9)"), Unusable)
    assert isinstance(run(session, "answer = ['x' * 9_000] * 1000"), Unusable)
    assert run(session, "answer = 1") == 1


def test_strings_are_interned_because_students_compare_them_with_is(start: Start) -> None:
    session = start(activation="".join(["re", "lu"]))
    assert run(session, "answer = self.is_relu") is True


def test_the_global_seed_is_set_before_an_object_is_made(start: Start) -> None:
    drawn = run(start(), "answer = self.drawn")
    assert drawn == np.random.RandomState(0).randn()


def test_what_is_printed_is_not_kept(start: Start) -> None:
    session = start()
    assert run(session, "print('x' * 5_000_000); sys.stderr.write('y' * 5_000_000); answer = 1") == 1


def test_arrays_are_put_in_place_so_that_shapes_and_dtypes_stay_the_students(start: Start) -> None:
    session = start()
    put = {"W": np.ones((2, 3)), "b": np.arange(3.0), "n": np.full(3, 0.5)}
    assert session.request(["put", 0, "params", put], 5) == Answered(None)
    seen = session.request(["get", 0, "params"], 5)
    assert isinstance(seen, Answered)
    assert (seen.value["b"].dtype, seen.value["b"].tolist()) == (np.float32, [[0, 1, 2]])
    assert seen.value["n"].tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    "request_",
    [
        ["get", 0, "nothing"],
        ["get", 7, "params"],
        ["call", 0, "nothing", [], {}, 0.0],
        ["put", 0, "params", {"W9": np.zeros(1)}],
    ],
    ids=str,
)
def test_what_is_not_there_is_a_value_and_the_session_goes_on(start: Start, request_: list[Any]) -> None:
    session = start()
    assert isinstance(session.request(request_, 5), Raised | Unusable)
    assert session.alive


def test_a_method_is_asked_at_many_parameters_in_one_request(start: Start) -> None:
    stacks = {"W": np.stack([np.full((2, 3), k) for k in range(4)]).astype(float)}
    got = start().request(["call_many", 0, "params", stacks, "loss", [10.0], {}, 0], 5)
    assert isinstance(got, Answered)
    assert got.value.tolist() == [0.0, 60.0, 120.0, 180.0]


def test_a_kept_array_shows_what_has_become_of_it(start: Start) -> None:
    session = start()
    session.request(["keep", {"X": np.arange(3.0)}], 5)
    call(session, "run", "arguments[0][0] = 99", Ref("X"))
    seen = session.request(["look", ["X"]], 5)
    assert isinstance(seen, Answered)
    assert seen.value["X"].tolist() == [99, 1, 2]


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_exception_is_told_with_its_place_and_line(start: Start) -> None:
    line = PROBE.splitlines().index('        raise ValueError("no")') + 1
    assert call(start(), "fails") == Raised("ValueError", "no", Place("mlp.py", line), 'raise ValueError("no")', None)


def test_a_syntax_error_is_told_with_its_place_and_column(room: Sandbox) -> None:
    with room.session(QUICK, {}) as session:
        failure = load(session, {"mlp.py": "x = 1\nclass Probe:\n    def loss(self X):\n        pass\n"})
    assert isinstance(failure, Raised)
    assert (failure.kind, failure.place, failure.source.strip()) == (
        "SyntaxError",
        Place("mlp.py", 3),
        "def loss(self X):",
    )
    assert failure.caret is not None


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(0)",
        "raise KeyboardInterrupt",
        "raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})",
        "raise Exception(*['x' * 1_000_000])",
        "exit()",
        "input()",
    ],
)
def test_whatever_is_raised_is_a_value_and_the_session_goes_on(start: Start, code: str) -> None:
    session = start()
    assert isinstance(run(session, code), Raised)
    assert run(session, "answer = 2") == 2


@pytest.mark.parametrize("code", ["os._exit(0)", "import ctypes; ctypes.string_at(0)", "os.closerange(3, 500)"])
def test_a_death_ends_the_session_and_every_later_request_says_so(start: Start, code: str) -> None:
    session = start()
    died = run(session, code)
    assert died == Died("the Python process ended in the middle of the call")
    assert not session.alive
    assert run(session, "answer = 1") == died


def test_a_death_in_one_session_leaves_the_others_alone(start: Start) -> None:
    one, other = start(), start()
    run(one, "os._exit(1)")
    assert run(other, "answer = 1") == 1


def test_an_endless_loop_is_stopped(start: Start, room: Sandbox) -> None:
    session = start(Impatient(load_cpu_seconds=20) if room.name == "plain" else QUICK)
    started = time.monotonic()
    stopped = call(session, "spins", cpu=0.5)
    assert isinstance(stopped, Stopped)
    assert stopped.limit is (Limit.WALL if room.name == "plain" else Limit.CPU)
    assert not session.alive
    assert time.monotonic() - started < 10


def test_a_sleeper_is_stopped_by_the_wall_clock(start: Start) -> None:
    stopped = run(start(Impatient(load_cpu_seconds=20)), "import time; time.sleep(60)", cpu=0.5)
    assert isinstance(stopped, Stopped)
    assert stopped.limit is Limit.WALL


def test_a_soft_limit_leaves_the_object_usable(start: Start) -> None:
    session = start()
    stopped = call(session, "spins", cpu=10, soft=0.3)
    assert stopped == Stopped(Limit.CPU, 0.3)
    assert session.alive
    assert run(session, "answer = self.steps") > 1000


def test_a_call_that_ignores_the_soft_limit_is_ended(start: Start, room: Sandbox) -> None:
    session = start(Impatient(load_cpu_seconds=20))
    stubborn = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    got = session.request(["call", 0, "run", [stubborn], {}, 0.2], 1.0)
    assert isinstance(got, Stopped)
    assert not session.alive


def test_an_answer_larger_than_allowed_ends_the_session(start: Start) -> None:
    session = start()
    assert run(session, "answer = np.zeros(1 << 18)") == Stopped(Limit.REPLY, float(1 << 20))
    assert not session.alive


CHANNEL = """
import stat, struct
def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
channel = next(fd for fd in range(3, 256) if is_socket(fd))
def frame(header, body=b""):
    return struct.pack("<IQ", len(header), len(body)) + header + body
"""


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        ("b'\\xff' * 100", Stopped),
        ("struct.pack('<IQ', 0xffffffff, 0)", Stopped),
        ("struct.pack('<IQ', 10, 1 << 60)", Stopped),
        ("b'\\0' * 100", Unusable),
        ("frame(b'\\xc1')", Unusable),
        ("frame(b'\\x91' * 5000)", Unusable),
        ("frame(b'\\xc4\\x01x')", Unusable),
        ("frame(b'\\x01', b'unclaimed')", Unusable),
        ("frame(b'\\x91\\xa5value')", Unusable),
        ("frame(b'\\x92\\xa6raised\\x01')", Unusable),
        ("frame(b'\\x92\\xa4held\\xc3')", Unusable),
    ],
)
def test_garbage_on_the_channel_ends_the_session_with_a_reason(start: Start, written: str, ends: type) -> None:
    session = start()
    failure = run(session, f"{CHANNEL}\nos.write(channel, {written})")
    assert isinstance(failure, ends)
    assert not session.alive


def test_half_a_frame_and_a_death_end_the_session(start: Start) -> None:
    session = start()
    assert isinstance(run(session, f"{CHANNEL}\nos.write(channel, frame(b'x' * 50)[:30])\nos._exit(0)"), Died)


def test_a_forged_answer_is_only_an_answer(start: Start) -> None:
    forged = "frame(bytes([0x92, 0xa5]) + b'value' + bytes([0xa6]) + b'forged')"
    assert run(start(), f"{CHANNEL}\nos.write(channel, {forged})") == "forged"


# ── what lies inside ─────────────────────────────────────────────────────────────────────────────────


def test_helper_files_lie_beside_the_students_own(room: Sandbox) -> None:
    files = {
        "mlp.py": "from layers import act\nfrom package.deep import number\nfrom wire import mine\n"
        "class Probe:\n    def get(self):\n        return [act, number, mine, open('data.txt').read()]\n",
        "layers.py": "act = 'relu'\n",
        "package/__init__.py": "",
        "package/deep.py": "number = 7\n",
        "wire.py": "mine = True\n",
        "data.txt": "data",
    }
    with room.session(QUICK, {}) as session:
        assert isinstance(load(session, files), Answered)
        session.request(["new", 0, [], {}], 5)
        assert call(session, "get") == Answered(["relu", 7, True, "data"])


@pytest.mark.parametrize("uses", ["from mlp import Probe", "import mlp\nprobe = mlp.Probe()", "print('nothing')"])
def test_a_module_that_a_notebook_writes_is_found_there(room: Sandbox, uses: str) -> None:
    code = ["%%writefile mlp.py\nclass Probe:\n    answer = 42\n", uses]
    with room.session(QUICK, {}) as session:
        found = load(session, {}, [{"path": "ps4.ipynb", "code": code, "numbers": [1, 2]}])
        assert isinstance(found, Answered)
        session.request(["new", 0, [], {}], 5)
        assert session.request(["get", 0, "answer"], 5) == Answered(42)


def test_a_file_that_was_handed_in_wins_over_a_cell_that_writes_it(room: Sandbox) -> None:
    written = ["%%writefile mlp.py\nclass Probe:\n    answer = 1\n", "from mlp import Probe"]
    with room.session(QUICK, {}) as session:
        load(session, {"mlp.py": "class Probe:\n    answer = 2\n"}, [{"path": "n", "code": written, "numbers": [1, 2]}])
        session.request(["new", 0, [], {}], 5)
        assert session.request(["get", 0, "answer"], 5) == Answered(2)


def test_shared_arrays_are_writable_and_private_to_each_session(start: Start) -> None:
    shared = {"X": np.arange(100_000.0), "Y": np.arange(6, dtype=np.int64).reshape(2, 3)}
    change = "arguments[0][:] = -1; arguments[1][:] = -1; answer = [float(a.sum()) for a in arguments]"
    look = "answer = [float(a.sum()) for a in arguments] + [f'{arguments[1].dtype}{arguments[1].shape}']"
    one, other = start(shared=shared), start(shared=shared)
    assert run(one, change, Ref("X"), Ref("Y")) == [-100_000, -6]
    assert run(other, look, Ref("X"), Ref("Y")) == [shared["X"].sum(), 15, "int64(2, 3)"]
    assert shared["X"][0] == 0


def test_the_environment_is_ours_alone(start: Start, room: Sandbox) -> None:
    inside = run(start(), "import json; answer = json.dumps(dict(os.environ))")
    allowed = {*ENVIRONMENT, "PWD"} | ({"PATH", "LD_LIBRARY_PATH", "TMP", "TEMP"} if room.name == "plain" else set())
    assert set(json.loads(inside)) - {"LC_CTYPE"} <= allowed


def test_a_session_says_what_it_has_used(start: Start, room: Sandbox) -> None:
    session = start()
    before = session.used
    call(session, "spins", cpu=5, soft=0.3)
    assert session.used.wall_seconds - before.wall_seconds > 0.2
    assert (session.used.cpu_seconds - before.cpu_seconds > 0.2) is (room.name == "bubblewrap")


def processes() -> dict[int, bytes]:
    """Pid → command line and environment of all that can be seen."""
    found: dict[int, bytes] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = (folder / "cmdline").read_bytes()
        except OSError:
            continue
    return found


def ours() -> set[int]:
    """Descendants of this very test process: other tests may be running beside it."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family, grew = {int(Path("/proc/self").resolve().name)}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        grew, family = bool(more), family | more
    return family


@pytest.mark.parametrize("end", ["close", "os._exit(0)", "import time; time.sleep(60)"])
def test_after_its_end_no_process_of_a_session_remains(start: Start, end: str) -> None:
    before = ours()
    session = start(Impatient(load_cpu_seconds=20))
    assert ours() - before
    if end == "close":
        session.close()
    else:
        run(session, end, cpu=0.3)
    assert not session.alive
    assert ours() - before == set()


def test_closing_twice_is_closing(start: Start) -> None:
    session = start()
    session.close()
    session.close()
    assert run(session, "answer = 1") == Died("the session was closed")


# ── bubblewrap's walls ───────────────────────────────────────────────────────────────────────────────


def test_whatever_a_student_starts_dies_with_the_session(walled: Start) -> None:
    session, marker = walled(), f"marker-{uuid.uuid4()}"
    daemon = (
        "import subprocess\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(15, signal.SIG_IGN); "
        "time.sleep(600)', arguments[0]], start_new_session=True, close_fds=False)\n"
        "        os._exit(0)\n"
        "import time; time.sleep(0.5)"
    )
    run(session, daemon, marker)
    assert sum(marker.encode() in line for line in processes().values()) == 3
    session.close()
    assert not [line for line in processes().values() if marker.encode() in line]


def test_a_child_that_keeps_the_channel_open_does_not_keep_us_waiting(walled: Start) -> None:
    started = time.monotonic()
    died = run(walled(), "import time\nif os.fork() == 0:\n    time.sleep(600)\nelse:\n    os._exit(0)")
    assert isinstance(died, Died)
    assert time.monotonic() - started < 10


def test_the_user_inside_is_nobody(walled: Start) -> None:
    seen = run(walled(), "answer = [*os.getresuid(), *os.getresgid(), *os.getgroups()]")
    assert 0 not in seen
    assert isinstance(run(walled(), "os.setuid(0)"), Raised)


def test_every_session_is_another_user(walled: Start) -> None:
    if (Path("/proc/self").stat().st_uid) == 0:
        assert run(walled(), "answer = os.getuid()") != run(walled(), "answer = os.getuid()")
    else:
        assert run(walled(), "answer = os.getuid()") != 0


def test_no_capability_is_left(walled: Start) -> None:
    status = run(walled(), "answer = open('/proc/self/status').read()")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert [int(facts[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0, 0, 0, 0]
    assert facts["NoNewPrivs"].strip() == "1"


def test_there_is_no_network(walled: Start) -> None:
    connect = (
        "import socket\nanswer = []\n"
        "for address in (('127.0.0.1', arguments[0]), ('192.0.2.1', 80)):\n"
        "    try:\n        socket.create_connection(address, timeout=1)\n        answer.append('connected')\n"
        "    except OSError as error:\n        answer.append(type(error).__name__)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as door:
        assert "connected" not in run(walled(), connect, door.getsockname()[1])
    interfaces = run(walled(), "answer = open('/proc/net/dev').read()")
    assert [line.split(":")[0].strip() for line in interfaces.splitlines()[2:]] == ["lo"]


def test_only_its_own_process_is_to_be_seen(walled: Start) -> None:
    assert run(walled(), "answer = [p for p in os.listdir('/proc') if p.isdigit()]") == ["1"]


def test_no_descriptor_but_the_channel_is_open(walled: Start) -> None:
    look = (
        "answer = []\n"
        "for fd in range(256):\n"
        "    try:\n        answer.append(os.readlink(f'/proc/self/fd/{fd}').split(':')[0])\n"
        "    except OSError:\n        pass\n"
    )
    assert sorted(run(walled(), look)) == ["/dev/null", "/dev/null", "/dev/null", "socket"]


@pytest.mark.parametrize("name", ["grader", "grader.checks", "reference", "reference.ps4.mlp", "ps4", "truth", "tests"])
def test_nothing_of_ours_can_be_imported(walled: Start, name: str) -> None:
    failure = run(walled(), f"import {name}")
    assert isinstance(failure, Raised)
    assert failure.kind == "ModuleNotFoundError"


SEARCH = """
texts, labels = [bytes(a) for a in arguments[:3]], [bytes(a) for a in arguments[3:]]
seen, found = 0, []
for root, folders, files in os.walk(TOP):
    folders[:] = [f for f in folders if os.path.join(root, f) not in ("/proc", "/sys")]
    for name in files:
        path = os.path.join(root, name)
        try:
            facts = os.lstat(path)
            # the system's own libraries are megabytes long; all else is read to its end
            if not stat.S_ISREG(facts.st_mode) or (facts.st_size > 1 << 20 and not root.startswith(OURS)):
                continue
            with open(path, "rb", 0) as file:
                content = file.read()
        except OSError:
            continue
        seen += 1
        found += [f"{path}: {n[:40]!r}" for n in texts + (labels if len(content) > 5000 else []) if n in content]
answer = [seen, found]
"""


def search(session: Session, needles: list[bytes], top: str = "/") -> Any:
    """How many files were read, and which of them hold one of the needles (three texts, then labels)."""
    head = f"import stat\nTOP, OURS = {top!r}, ('/tmp', '/g', '/rt', '/dev/shm')\n"
    return run(session, head + SEARCH, *(np.frombuffer(n, np.uint8) for n in needles), cpu=120)


def test_no_readable_file_holds_the_reference_a_threshold_or_a_label(walled: Start) -> None:
    mnist = ROOT / "reference" / "ps4" / "data" / "mnist.npz"
    with np.load(mnist) as data:
        labels = [data["y_test"].astype(dtype)[:64].tobytes() for dtype in ("u1", "<i8")]
    with zipfile.ZipFile(mnist) as archive, mnist.open("rb") as raw:
        raw.seek(archive.getinfo("y_test.npy").header_offset + 100)
        packed = raw.read(100)
    texts = [b"relu_reference", b"It is cut into more methods than a solution needs", b"def fresh_gradients(student"]
    got = search(walled(), [*texts, *labels, packed])
    assert isinstance(got, list), got
    seen, found = got
    assert seen > 1000
    assert found == []


def test_the_search_above_would_find_what_is_there(walled: Start) -> None:
    session = walled()
    run(session, "open('/tmp/leak', 'wb').write(b'some relu_reference' + bytes(9000) + bytes(range(64)))")
    assert search(session, [b"relu_reference", b"absent", b"absent", bytes(range(64))], top="/tmp")[1] == [
        "/tmp/leak: b'relu_reference'",
        f"/tmp/leak: {bytes(range(40))!r}",
    ]


@pytest.mark.parametrize("place", ["/", "/g", "/g/guest", "/rt", "/rt/bin", "/usr", "/dev", "/proc/sys"])
def test_everything_but_the_private_folders_is_read_only(walled: Start, place: str) -> None:
    session = walled()
    assert run(session, f"answer = bool(os.statvfs({place!r}).f_flag & os.ST_RDONLY)") is True or place == "/proc/sys"
    failure = run(session, f"open({place + '/mark'!r}, 'w')")
    assert isinstance(failure, Raised)


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_what_can_be_written_is_bounded(walled: Start, place: str) -> None:
    fill = (
        "written = 0\n"
        "try:\n"
        "    for number in range(40):\n"
        f"        with open(f'{place}/{{number}}', 'wb') as out:\n"
        "            written += out.write(bytes(1 << 20))\n"
        "    answer = [written, 0]\n"
        "except OSError as error:\n"
        "    answer = [written, error.errno]\n"
    )
    written, problem = run(walled(), fill)
    assert problem == errno.ENOSPC
    assert written <= QUICK.disk_bytes


def test_one_sessions_files_are_not_anothers(walled: Start) -> None:
    one, other = walled(), walled()
    run(one, "open('/tmp/mine', 'w').write('x'); open('/dev/shm/mine', 'w').write('x')")
    assert run(other, "answer = [os.path.exists('/tmp/mine'), os.path.exists('/dev/shm/mine')]") == [False, False]


def test_memory_is_bounded(walled: Start) -> None:
    session = walled()
    failure = run(session, "answer = float(np.ones(1 << 28).sum())")
    assert isinstance(failure, Raised)
    assert "MemoryError" in failure.kind
    assert run(session, "answer = float(np.ones(1 << 20).sum())") == 1 << 20


def test_processes_are_bounded(walled: Start) -> None:
    fork = (
        "import time\nanswer = 0\n"
        "try:\n"
        "    for answer in range(300):\n"
        "        if os.fork() == 0:\n            time.sleep(60)\n            os._exit(0)\n"
        "except OSError:\n    pass\n"
    )
    assert run(walled(), fork) < 100


def test_threads_of_one_request_count_together(walled: Start) -> None:
    spin = (
        "import threading, hashlib\n"
        "def work():\n    while True:\n        hashlib.sha256(bytes(1 << 20)).digest()\n"
        "threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]\n"
        "[t.start() for t in threads]\n[t.join() for t in threads]"
    )
    stopped = run(walled(), spin, cpu=0.5)
    assert stopped == Stopped(Limit.CPU, 0.5)


# ── a sandbox that is not there ──────────────────────────────────────────────────────────────────────


def test_a_runtime_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="no sandbox runtime at"):
        Bubblewrap(tmp_path / "nowhere")


def test_a_runtime_that_does_not_start_is_ours_and_told(tmp_path: Path) -> None:
    python = tmp_path / "runtime" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    broken = Bubblewrap(tmp_path / "runtime")
    with pytest.raises(SandboxUnavailable):
        broken.session(QUICK, {})
    broken.close()


def test_without_bubblewrap_auto_is_plain_and_says_why(tmp_path: Path) -> None:
    chosen, why = choose("auto", tmp_path / "nowhere")
    assert (chosen.name, "no sandbox runtime" in why) == ("plain", True)
    chosen.close()


def test_bubblewrap_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable):
        choose("bubblewrap", tmp_path / "nowhere")


def test_an_unknown_sandbox_is_a_bad_call(tmp_path: Path) -> None:
    with pytest.raises(BadCall, match="there is no sandbox 'docker'"):
        choose("docker", tmp_path)
