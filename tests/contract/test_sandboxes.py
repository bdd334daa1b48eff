"""What every sandbox promises, tried by real code in real processes; then what the walls of two of them keep."""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.errors import SandboxUnavailable
from grader.guest.versions import versions
from grader.guest.wire import Ref
from grader.model import Died, Failure, Limit, Limits, Place, Raised, Stopped, Unusable
from grader.sandbox import plain
from grader.sandbox.bubblewrap import bubblewrap
from grader.sandbox.choose import choose
from grader.sandbox.contract import Answered, Array, Sandbox, Session
from grader.sandbox.plain import Plain
from grader.settings import Settings
from tests.conftest import ROOT
from tests.hostile.traces import descendants

pytestmark = pytest.mark.long

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

    def call_wall_seconds(self, cpu_seconds: float) -> float:
        return cpu_seconds


WALLED = ["bubblewrap", "landlock"] if os.getuid() else ["bubblewrap"]
"""Landlock alone is not for root; `make test-unprivileged` runs these tests as somebody else."""


@pytest.fixture(scope="module")
def rooms(sandbox: Sandbox) -> Iterator[dict[str, Sandbox]]:
    others = {name: choose(name, Settings().runtime)[0] for name in ({*WALLED, "plain"} - {"bubblewrap"})}
    yield others | {"bubblewrap": sandbox}
    for other in others.values():
        other.close()


@pytest.fixture(params=[*WALLED, "plain"])
def room(request: pytest.FixtureRequest, rooms: dict[str, Sandbox]) -> Sandbox:
    return rooms[request.param]


@pytest.fixture
def start(room: Sandbox) -> Iterator[Start]:
    """Starts a session with the probe in it, as object 0."""
    yield from starting(room)


@pytest.fixture(params=WALLED)
def walled(request: pytest.FixtureRequest, rooms: dict[str, Sandbox]) -> Iterator[Start]:
    """The same in the sandboxes that keep strangers in."""
    yield from starting(rooms[request.param])


@pytest.fixture
def spaced(sandbox: Sandbox) -> Iterator[Start]:
    """The same in the one with namespaces."""
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
    return session.request(["load", sources, notebooks or [], ["class", ["Probe"], []], ["mlp.py"], {}, 0.0], 20)


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
def test_a_missing_attribute_is_a_value_and_the_session_continues(start: Start, request_: list[Any]) -> None:
    session = start()
    assert isinstance(session.request(request_, 5), Raised | Unusable)
    assert session.alive


def test_a_method_is_asked_at_many_parameters_in_one_request(start: Start) -> None:
    stacks = {"W": np.stack([np.full((2, 3), k) for k in range(4)]).astype(float)}
    got = start().request(["call_many", 0, "params", stacks, "loss", [10.0], {}], 5)
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
        "raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})",
        "raise Exception(*['x' * 1_000_000])",
        "input()",
    ],
)
def test_any_exception_is_a_value_and_the_session_continues(start: Start, code: str) -> None:
    session = start()
    assert isinstance(run(session, code), Raised)
    assert run(session, "answer = 2") == 2


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("os._exit(7)", "with exit code 7: remove os._exit"),
        ("import ctypes; ctypes.string_at(0)", "by signal 11 (Segmentation fault): compiled code crashed"),
        ("os.abort()", "by signal "),
        ("os.closerange(3, 500); import time; time.sleep(60)", "or closed its channel to the grader"),
    ],
)
def test_the_end_of_the_process_ends_the_session_and_all_later_requests(start: Start, code: str, says: str) -> None:
    session = start()
    died = run(session, code)
    assert isinstance(died, Died)
    assert died.detail.startswith("the Python process ended in the middle of the call")
    assert says in died.detail
    assert not session.alive
    assert run(session, "answer = 1") == died


def test_an_endless_loop_is_stopped(start: Start) -> None:
    session = start(QUICK)
    stopped = call(session, "spins", cpu=0.5)
    assert isinstance(stopped, Stopped)
    assert stopped.limit is Limit.CPU
    assert not session.alive


def test_where_cpu_time_cannot_be_read_wall_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "READS_CPU_TIME", False)
    room = Plain()
    for start in starting(room):
        assert call(start(), "spins", cpu=0.5) == Stopped(Limit.CPU, 0.5)
    room.close()


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
        ("b'\\xff' * 100", Unusable),
        ("struct.pack('<IQ', 10, 1 << 60)", Unusable),
        ("struct.pack('<IQ', 10, 1 << 28)", Stopped),
        ("frame(b'\\xc1')", Unusable),
        ("frame(b'\\x91' * 5000)", Unusable),
        ("frame(b'\\x01', b'unclaimed')", Unusable),
        ("frame(b'\\x92\\xa6raised\\x01')", Unusable),
        ("frame(b'\\x92\\xa4held\\xc3')", Unusable),
    ],
)
def test_garbage_on_the_channel_ends_the_session_with_a_reason(start: Start, written: str, ends: type) -> None:
    session = start()
    failure = run(session, f"{CHANNEL}\nos.write(channel, {written})")
    assert isinstance(failure, ends)
    assert not session.alive


FORGED = "frame(bytes([0x92, 0xa5]) + b'value' + bytes([0xa6]) + b'forged')"


def test_a_forged_answer_is_only_an_answer_and_ends_what_it_confuses(start: Start) -> None:
    session = start()
    assert run(session, f"{CHANNEL}\nos.write(channel, {FORGED})\nimport time; time.sleep(0.3)") == "forged"
    select.select([session._channel], [], [], 20)  # until the guest's own answer has come as well
    assert "the process broke the protocol (it sent data before a request)" in run(session, "answer = 1").detail
    assert not session.alive


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


def test_shared_arrays_are_writable_and_private_to_each_session(start: Start) -> None:
    shared = {"X": np.arange(100_000.0), "Y": np.arange(6, dtype=np.int64).reshape(2, 3)}
    change = "arguments[0][:] = -1; arguments[1][:] = -1; answer = [float(a.sum()) for a in arguments]"
    look = "answer = [float(a.sum()) for a in arguments] + [f'{arguments[1].dtype}{arguments[1].shape}']"
    one, other = start(shared=shared), start(shared=shared)
    assert run(one, change, Ref("X"), Ref("Y")) == [-100_000, -6]
    assert run(other, look, Ref("X"), Ref("Y")) == [shared["X"].sum(), 15, "int64(2, 3)"]
    assert shared["X"][0] == 0


def test_a_session_computes_with_the_graders_own_kernel(start: Start) -> None:
    assert start().versions["kernel"] == versions()["kernel"]


def test_a_session_says_what_it_has_used(start: Start) -> None:
    session = start()
    before = session.used
    call(session, "spins", cpu=5, soft=0.3)
    assert session.used.wall_seconds - before.wall_seconds > 0.2
    assert session.used.cpu_seconds - before.cpu_seconds > 0.2


def test_a_session_has_a_budget_for_all_of_its_calls(spaced: Start) -> None:
    session = spaced(Limits(session_cpu_seconds=0.5))
    assert call(session, "spins", cpu=5, soft=0.3) == Stopped(Limit.CPU, 0.3)
    stopped = call(session, "spins", cpu=5)
    assert isinstance(stopped, Stopped)
    assert stopped.allowed < 0.5


@pytest.mark.parametrize("end", ["close", "os._exit(0)", "import time; time.sleep(60)"])
def test_after_its_end_no_process_of_a_session_remains(start: Start, end: str) -> None:
    before = descendants()
    session = start(Impatient(load_cpu_seconds=20))
    assert descendants() - before
    if end == "close":
        session.close()
    else:
        run(session, end, cpu=0.3)
    assert not session.alive
    assert descendants() - before == set()


@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(60)"])
def test_a_session_can_be_closed_while_another_thread_asks(start: Start, code: str) -> None:
    session = start()
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(run, session, code, cpu=50)
        time.sleep(0.3)
        session.close()
        assert answer.result(timeout=20) == Died("the session was closed")


STUBBORN = """
import signal
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
while True:
    pass
"""

KILLED = f"""
import sys, threading
import numpy as np
from grader.model import Limits
from grader.sandbox.choose import choose
from grader.settings import Settings
room, _ = choose(sys.argv[1], Settings().runtime)
session = room.session(Limits(), {{}})
source = np.frombuffer({STUBBORN.encode()!r}, np.uint8)
load = ["load", {{"mlp.py": source}}, [], ["class", ["Probe"], []], ["mlp.py"], {{}}, 0.0]
threading.Timer(0.5, lambda: print("ready", flush=True)).start()
session.request(load, 60)
"""


@pytest.mark.parametrize("name", WALLED)
def test_a_grader_that_is_killed_leaves_no_process_behind(name: str) -> None:
    before = descendants()
    with subprocess.Popen([sys.executable, "-c", KILLED, name], stdout=subprocess.PIPE) as grader:
        assert grader.stdout is not None
        assert grader.stdout.readline() == b"ready\n"
        family = descendants() - before
        assert len(family) >= 3
        grader.kill()
    deadline = time.monotonic() + 20
    while (left := {pid for pid in family if Path(f"/proc/{pid}").exists()}) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == set()
    choose(name, Settings().runtime)[0].close()  # the next one clears up what a killed one could not
    assert not [left for left in Path("/tmp").glob(f"grader-{grader.pid}-*")]


# ── walls ────────────────────────────────────────────────────────────────────────────────────────────

RAW = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
answer = []
for call in arguments[0]:
    result = libc.syscall(*[ctypes.c_long(number) for number in call])
    answer.append(ctypes.get_errno() if result < 0 else "done")
"""


def test_dangerous_system_calls_are_refused_by_number(walled: Start) -> None:
    """x86-64: ptrace, mount, bpf, userfaultfd, io_uring_setup, keyctl, perf_event_open, process_vm_readv, setns,
    unshare, pidfd_open, clone without CLONE_THREAD, clone with CLONE_NEWUSER, clone3, personality."""
    numbers = [101, 165, 321, 323, 425, 250, 298, 310, 308, 272, 434]
    calls = [[n, 0, 0, 0, 0, 0, 0] for n in numbers] + [[56, 17, 0, 0, 0, 0], [56, 0x10010000, 0, 0, 0, 0]]
    got = run(walled(), RAW, [*calls, [435, 0, 0, 0, 0, 0], [135, 0, 0, 0, 0, 0]])
    assert got == [errno.EPERM] * 13 + [errno.ENOSYS, errno.EPERM]


SEARCH = """
texts, labels = [bytes(a) for a in arguments[:3]], [bytes(a) for a in arguments[3:]]
seen, found = 0, []
for root, folders, files in (step for top in TOPS for step in os.walk(top)):
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


EVERYWHERE = (
    "('/', '/etc', '/home', '/root', '/usr', '/proc', '/tmp', '/g', '/rt', '/dev', sys.base_prefix, sys.prefix)"
)


def search(session: Session, needles: list[bytes], tops: str = EVERYWHERE) -> Any:
    """How many files were read, and which of them hold one of the needles (three texts, then labels)."""
    head = f"import stat\nTOPS, OURS = {tops}, ('/tmp', '/g', '/rt', '/dev/shm')\n"
    return run(session, head + SEARCH, *(np.frombuffer(n, np.uint8) for n in needles), cpu=120)


@pytest.mark.hostile
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


def test_the_search_above_would_find_what_is_there(spaced: Start) -> None:
    session = spaced()
    run(session, "open('/tmp/leak', 'wb').write(b'some relu_reference' + bytes(9000) + bytes(range(64)))")
    assert search(session, [b"relu_reference", b"absent", b"absent", bytes(range(64))], tops="('/tmp',)")[1] == [
        "/tmp/leak: b'relu_reference'",
        f"/tmp/leak: {bytes(range(40))!r}",
    ]


@pytest.mark.parametrize(
    "place", ["/", "/g", "/g/guest", "/rt", "/rt/bin", "/usr", "/dev", "/proc", "/home", "/var/tmp"]
)
def test_everything_but_the_private_folders_is_read_only(walled: Start, place: str) -> None:
    session = walled()
    mode = Path(place).stat().st_mode if Path(place).exists() else 0
    for attempt in (f"open({place + '/mark'!r}, 'w')", f"os.mkdir({place + '/mark'!r})", f"os.rmdir({place!r})"):
        assert isinstance(run(session, attempt), Raised)
    run(session, f"os.chmod({place!r}, 0o777)")
    assert not mode or Path(place).stat().st_mode == mode


NAMESPACES_OF_A_SESSION = ("ipc", "mnt", "net", "pid", "user", "uts")

REACHES = '''
import ctypes, glob, signal
libc = ctypes.CDLL(None, use_errno=True)

def refused(call, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(call, *map(ctypes.c_long, arguments))
    return result == -1 and ctypes.get_errno() == 1  # EPERM

def traces(pid):
    """ptrace(PTRACE_ATTACH), process_vm_readv and pidfd_open, as x86-64 numbers them; doctor tries all elsewhere."""
    attempts = [(101, (16, pid, 0, 0)), (310, (pid, 0, 0, 0, 0, 0)), (434, (pid, 0))]
    return attempts if os.uname().machine == "x86_64" else []

(other,) = map(int, arguments)
there = {1, 2, os.getppid(), other} - {os.getpid()}
def signalled(pid):
    try:
        os.kill(pid, 0)
    except PermissionError:
        return False
    return True
answer = [
    glob.glob("/proc/[0-9]*"),
    [pid for pid in there if signalled(pid)],
    [pid for pid in there if not all(refused(call, *rest) for call, rest in traces(pid))],
]
'''


def test_two_sessions_of_one_template_cannot_see_signal_or_trace_each_other(spaced: Start) -> None:
    """They are the same user outside, so it must be namespaces and the filter that part them."""
    one, other = spaced(), spaced()
    assert one.pid is not None
    assert other.pid is not None
    status = [Path(f"/proc/{pid}/status").read_text() for pid in (one.pid, other.pid)]
    uids, parents = (
        [line for text in status for line in text.splitlines() if line.startswith(w)] for w in ("Uid:", "PPid:")
    )
    assert len(set(uids)) == len(set(parents)) == 1  # one template's, under one user
    shared = [
        n
        for n in NAMESPACES_OF_A_SESSION
        if len({Path(f"/proc/{p}/ns/{n}").readlink() for p in (one.pid, other.pid)}) < 2
    ]
    assert shared == []
    for session, neighbour in ((one, other.pid), (other, one.pid)):
        assert run(session, REACHES, neighbour) == [[], [], []]
    assert one.alive
    assert other.alive


def test_nothing_of_an_earlier_session_can_be_read_in_a_later_one(spaced: Start) -> None:
    secret = os.urandom(16).hex()
    leaves = """
(secret,) = arguments
for place in (".", "/tmp", "/dev/shm", os.path.expanduser("~"), os.environ.get("TMPDIR", "/tmp")):
    try:
        with open(os.path.join(place, "left"), "w") as file:
            file.write(secret)
    except OSError:
        pass
os.environ["LEFT"] = np.left_here = sys.left_here = secret
kept = [np.frombuffer(secret.encode() * (1 << 16), np.uint8).copy() for _ in range(8)]
self.kept = np.kept = kept
answer = len(kept)
"""
    finds = """
(half, rest) = arguments
whole = (half + rest).encode()
found = [name for name in ("LEFT",) if name in os.environ]
found += [m.__name__ for m in (np, sys) if hasattr(m, "left_here") or hasattr(m, "kept")]
for top in (".", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~")):
    found += [os.path.join(root, f) for root, _, files in os.walk(top) for f in files if f == "left"]
blocks = [np.empty(1 << 19, np.uint8) for _ in range(64)]
found += ["memory"] * any(whole in block.tobytes() for block in blocks)
answer = found
"""
    earlier = spaced()
    assert run(earlier, leaves, secret) == 8
    assert "numpy" in run(earlier, finds, secret[:16], secret[16:])  # the search finds what is there
    earlier.close()
    for _ in range(3):
        assert run(spaced(), finds, secret[:16], secret[16:]) == []


def test_a_session_adds_a_small_part_of_its_templates_memory(sandbox: Sandbox) -> None:
    """What it has written to; all else is the template's, and there once for all sessions."""
    source = (ROOT / "submissions" / "perfect" / "mlp.py").read_bytes()
    with sandbox.session(QUICK, {}) as session:
        files = {"mlp.py": np.frombuffer(source, np.uint8)}
        assert isinstance(
            session.request(["load", files, [], ["class", ["TwoLayerMLP"], []], ["mlp.py"], {}, 0.0], 20), Answered
        )
        assert session.pid is not None
        (parent,) = re.findall(r"PPid:\s+(\d+)", Path(f"/proc/{session.pid}/status").read_text())
        own, template = (_kilobytes(int(pid)) for pid in (session.pid, parent))
    assert own["Private_Dirty"] + own["Private_Clean"] < template["Rss"] / 6


def test_a_session_copies_few_pages_until_a_file_is_loaded(sandbox: Sandbox) -> None:
    """Each page that it writes to is copied. Python writes to all that it looks at, which was 667 pages for the walls
    and 1,700 for a file, for which it looked at every module."""
    with sandbox.session(QUICK, {}) as session:
        assert session.pid is not None
        started = _pages_touched(session.pid)
        assert isinstance(load(session, {"mlp.py": "class Probe: pass\n"}), Answered)
        loaded = _pages_touched(session.pid)
    assert started < 400
    assert loaded - started < 1300


def _pages_touched(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[7])  # proc(5): page faults that needed no disk


def _kilobytes(process: int) -> dict[str, int]:
    found = re.findall(r"(\w+):\s+(\d+) kB", Path(f"/proc/{process}/smaps_rollup").read_text())
    return {name: int(size) for name, size in found}


def test_what_is_written_cannot_be_run(spaced: Start) -> None:
    copy = "import ctypes, shutil, numpy\nshutil.copyfile(numpy._core._multiarray_umath.__file__, 'x.so')"
    session = spaced(Limits(disk_bytes=64 << 20))
    assert run(session, f"{copy}\nanswer = 1") == 1
    assert isinstance(run(session, "import ctypes\nctypes.CDLL('./x.so')"), Raised)


def test_memory_is_bounded(walled: Start) -> None:
    session = walled()
    failure = run(session, "answer = float(np.ones(1 << 28).sum())")
    assert isinstance(failure, Raised)
    assert "MemoryError" in failure.kind
    assert run(session, "answer = float(np.ones(1 << 20).sum())") == 1 << 20


def test_memory_is_bounded_in_every_form(walled: Start) -> None:
    """mmap, shared memory and many small pieces too."""
    session = walled()
    for code in (
        "import mmap; held = mmap.mmap(-1, 2 << 30)",
        "import mmap; held = mmap.mmap(-1, 2 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)",
        "held = [bytes(1 << 20) for _ in range(3000)]",
        "held = bytearray(3 << 30)",
    ):
        assert isinstance(run(session, code), Raised)
    assert run(session, "answer = 1") == 1


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
        bubblewrap(tmp_path / "nowhere")


def test_a_runtime_that_does_not_start_is_ours_and_told(tmp_path: Path) -> None:
    python = tmp_path / "runtime" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho no interpreter >&2\nexit 1\n")
    python.chmod(0o755)
    broken = bubblewrap(tmp_path / "runtime")
    with pytest.raises(SandboxUnavailable, match="no interpreter"):
        broken.session(QUICK, {})
    broken.close()


def test_a_template_that_dies_is_replaced_and_its_sessions_are_no_zeros() -> None:
    before = descendants()
    room, _ = choose("bubblewrap", Settings().runtime)
    (template,) = [
        pid for pid in descendants() - before if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/rt/")
    ]
    session = room.session(QUICK, {})
    load(session, {"mlp.py": PROBE})
    pidfd = os.pidfd_open(template)
    os.kill(template, signal.SIGKILL)
    select.select([pidfd], [], [], 10)
    os.close(pidfd)
    with pytest.raises(SandboxUnavailable):
        session.request(["new", 0, [], {}], 5)
    with room.session(QUICK, {}) as again:
        assert isinstance(load(again, {"mlp.py": PROBE}), Answered)
    room.close()


def test_without_bubblewrap_auto_is_plain_and_says_why(tmp_path: Path) -> None:
    chosen, why = choose("auto", tmp_path / "nowhere")
    assert (chosen.name, "no sandbox runtime" in why) == ("plain", True)
    chosen.close()


def test_bubblewrap_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable):
        choose("bubblewrap", tmp_path / "nowhere")
