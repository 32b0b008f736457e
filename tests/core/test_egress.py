"""The shutter, in processes of their own: nothing opens it. Nothing leaves this machine."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.egress import kernel, seccomp
from penjing.core.egress.allowed import Address, address, parse_address
from penjing.core.egress.inherited import InheritedDescriptors
from penjing.core.egress.process import Gate, RefusedError
from penjing.core.egress.receipt import Layer, Receipt
from penjing.core.egress.resolver import answer
from penjing.core.egress.trial import Trial, try_all
from penjing.core.errors import BadInput

linux = pytest.mark.skipif(kernel.this_machine() is None, reason="a kernel we do not know")


@pytest.fixture(scope="module")
def trials() -> Mapping[str, Trial]:
    return {one.kind: one for one in try_all()}


def has(trial: Trial, layer: str) -> bool:
    assert trial.receipt is not None
    return any(one["name"] == layer and one["on"] for one in trial.receipt["layers"])


def reached(trial: Trial) -> dict[str, bool]:
    return {one.name: one.reached for one in trial.attempts}


OLD = (
    "old-udp", "native-old-udp", "native-old-udp-copy", "old-udp-named", "native-old-udp-named",
    "native-old-tcp", "native-old-tcp-fresh", "old-child", "handed",
)  # fmt: skip
"""Through sockets that were there before."""


def test_with_nothing_closed_the_ways_out_are_ways_out(trials: Mapping[str, Trial]) -> None:
    """Or a refusal later would prove nothing. Raw and packet sockets need privileges."""
    open_ways = reached(trials["open"])
    ordinary = {"allowed", "tcp", "asyncio", "udp", "native-tcp", "native-dns", "child"}
    assert [name for name in (*ordinary, *OLD) if not open_ways[name]] == []
    assert trials["open"].arrived >= 6 + len(OLD)


def test_pythons_layer_is_there_on_every_system(trials: Mapping[str, Trial]) -> None:
    for kind in ("nothing", "list"):
        assert has(trials[kind], "process")
        found = reached(trials[kind])
        assert not any(found[name] for name in ("tcp", "asyncio", "neighbour", "udp", "dns"))


@linux
def test_closed_to_everything_nothing_gets_out_of_native_code_either(
    trials: Mapping[str, Trial],
) -> None:
    trial = trials["nothing"]
    if not has(trial, "seccomp"):
        pytest.skip("this kernel lets us set no filter")
    assert [name for name, got in reached(trial).items() if got] == []
    assert trial.arrived == 0
    assert trial.leaks == []


@linux
def test_closed_to_all_but_one_only_that_one_is_reached(trials: Mapping[str, Trial]) -> None:
    trial = trials["list"]
    if not has(trial, "seccomp") or not has(trial, "landlock"):
        pytest.skip("this kernel has no Landlock for the network")
    got = {name for name, reached in reached(trial).items() if reached}
    assert got == {"allowed", "allowed-native", "old-allowed", "native-neighbour"}
    told = trial.receipt["still_open"]  # type: ignore[index]
    assert any("other addresses" in line for line in told)  # the last one is confessed
    assert any(line.startswith("1 connections that were made before") for line in told)
    assert trial.receipt["taken_away"] == 5  # type: ignore[index]
    assert trial.arrived == 0
    assert trial.leaks == trial.missed == []


def test_a_leak_is_one(trials: Mapping[str, Trial]) -> None:
    """The verdict can fail: what the open process reached counts as leaked in a closed one."""
    leaky = Trial("nothing", trials["open"].attempts, 3, None, ())
    assert len(leaky.leaks) == len([one for one in leaky.attempts if one.reached]) > 5


# -- a process goes on working behind it

BEHIND = """
import asyncio, json, multiprocessing, socket, sqlite3, subprocess, sys, threading
from penjing.core.egress.shutter import close_shutter

listening = socket.create_server(("127.0.0.1", 0))
receipt = close_shutter((), local=True)
print(listening.getsockname()[1], flush=True)

async def answer(reader, writer):
    await reader.readline()
    here, there = socket.socketpair()
    here.sendall(b"x")
    names = socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
    rows = sqlite3.connect(":memory:").execute("select 1").fetchall()
    child = subprocess.run([sys.executable, "-c", "print(2)"], capture_output=True, check=True)
    said = {"pair": there.recv(1).decode(), "names": len(names), "rows": rows,
            "child": child.stdout.decode().strip(), "layers": receipt.document()["layers"]}
    writer.write(json.dumps(said).encode() + b"\\n")
    await writer.drain()
    writer.close()
    over.set()

async def main():
    global over
    over = asyncio.Event()
    server = await asyncio.start_server(answer, sock=listening)
    await over.wait()
    server.close()

asyncio.run(main())
"""


def test_a_server_goes_on_accepting_and_its_parts_go_on_working() -> None:
    import socket

    with subprocess.Popen(
        [sys.executable, "-c", BEHIND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b"?\n")
            said = json.loads(connection.makefile().readline())
        assert (said["pair"], said["rows"], said["child"]) == ("x", [[1]], "2")
        assert said["names"] >= 1
        assert process.wait(20) == 0, process.stderr.read()


NAMES = """
import json, socket, sys
from penjing.core.egress import process
from penjing.core.egress.allowed import Address

good, bad = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
port, other = (one.getsockname()[1] for one in (good, bad))
asked = []
def lookup(name):
    asked.append(name)
    return ["127.0.0.1"]
process.close(process.Gate([Address("tool.example", port)], local=True), lookup)
said = {}
for name, to in {
    "before it was looked up": ("127.0.0.1", port),
    "by name": ("Tool.example", port),
    "by its address now": ("127.0.0.1", port),
    "another port": ("tool.example", other),
    "a longer name": ("secret.tool.example", port),
}.items():
    try:
        socket.create_connection(to, timeout=5).close()
        said[name] = True
    except OSError as error:
        said[name] = type(error).__name__
print(json.dumps([said, asked]))
"""


def test_a_named_host_is_looked_up_by_the_helper_and_reached_at_its_port() -> None:
    said, asked = json.loads(run(NAMES))
    assert said == {
        "before it was looked up": "RefusedError",
        "by name": True,
        "by its address now": True,
        "another port": "RefusedError",
        "a longer name": "RefusedError",
    }
    assert set(asked) == {"tool.example"}


HELPER = """
import socket
from penjing.core.egress.resolver import Resolver
helper = Resolver({"localhost"})
print(helper("localhost"), helper("penjing.invalid"))
helper.close()
helper.close()
print(helper("localhost"))
"""


def test_the_helper_is_a_process_that_answers_and_ends() -> None:
    first, last = run(HELPER).splitlines()
    assert "127.0.0.1" in first or "::1" in first
    assert first.endswith(" ()")
    assert last == "()"


def other_name() -> str | None:
    """Another name that the hosts file gives this machine: nobody is asked about it."""
    for line in Path("/etc/hosts").read_text().splitlines() if Path("/etc/hosts").exists() else []:
        number, *names = line.partition("#")[0].split() or [""]
        if number == "127.0.0.1" and (other := [one for one in names if one != "localhost"]):
            return other[0].lower()
    return None


WHOLE = """
import socket, sys
from penjing.core.egress.allowed import Address
from penjing.core.egress.shutter import close_shutter
good, bad = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
close_shutter([Address(sys.argv[1], good.getsockname()[1])])
socket.create_connection((sys.argv[1], good.getsockname()[1])).close()
try:
    socket.create_connection((sys.argv[1], bad.getsockname()[1]))
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(other_name() is None, reason="this machine has one name")
def test_a_name_on_the_list_is_reached_through_the_whole_shutter() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHOLE, str(other_name())], capture_output=True, text=True, check=True
    )
    assert done.stdout == "RefusedError\n"


def test_the_helper_asks_nobody_about_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", ("192.0.2.1", 0))]

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    replies = io.BytesIO()
    lines = io.BytesIO(b"tool.example\nsecret.tool.example\n\xff\n\ntool.example\n")
    monkeypatch.setattr("socket.setdefaulttimeout", lambda _: None)
    answer(["tool.example"], lines, replies)
    assert asked == ["tool.example", "tool.example"]
    got = [json.loads(line) for line in replies.getvalue().splitlines()]
    assert got == [["192.0.2.1"], [], [], [], ["192.0.2.1"]]


TWICE = """
import socket
from penjing.core.egress.shutter import close_shutter
from penjing.core.egress.allowed import Address
server = socket.create_server(("127.0.0.1", 0))
to = ("127.0.0.1", server.getsockname()[1])
close_shutter([Address(*to)])
socket.create_connection(to).close()
close_shutter([])
close_shutter([Address(*to)])
try:
    socket.create_connection(to)
except OSError:
    print("stays closed")
"""


def test_closing_again_only_narrows() -> None:
    assert run(TWICE) == "stays closed\n"


THREADS = """
import threading, time
from penjing.core.egress import landlock
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
layer = landlock.close([])
print(layer.on, layer.says)
"""


@linux
def test_landlock_does_not_claim_threads_that_ran_before() -> None:
    assert run(THREADS).startswith("False 1 threads run already")


OLD_THREAD = """
import ctypes, threading
from penjing.core.egress.shutter import close_shutter
closed, libc = threading.Event(), ctypes.CDLL(None, use_errno=True)
def late():
    closed.wait()
    print([libc.socket(family, kind, 0) for family in (2, 10) for kind in (1, 2)])
thread = threading.Thread(target=late)
thread.start()
receipt = close_shutter((), local=False)
closed.set()
thread.join()
print([one.on for one in receipt.layers if one.name == "seccomp"])
"""


@linux
def test_a_thread_that_ran_before_makes_no_socket_either() -> None:
    made, on = run(OLD_THREAD).splitlines()
    if on != "[True]":
        pytest.skip("this kernel lets us set no filter")
    assert made == "[-1, -1, -1, -1]"


def test_a_receipt_says_what_is_not_on() -> None:
    off = Layer("seccomp", False, "this kernel does not have it")
    receipt = Receipt((), (Layer("process", True, "all"), off), ("native code",))
    assert not receipt.kernel
    assert "seccomp: OFF, this kernel does not have it" in receipt.lines()
    assert "still open: native code" in receipt.lines()
    assert receipt.document()["kernel"] is False


ORDINARY = """
import ctypes, os, socket
from penjing.core.egress.shutter import close_shutter
open_one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # as a vault does: nobody may look into this process
receipt = close_shutter(())
print(receipt.kernel, [line for line in receipt.lines() if "before" in line])
"""


@linux
def test_it_needs_no_privileges_and_sees_what_was_open_before() -> None:
    kernel_too, before = run(ORDINARY).strip().split(" ", 1)
    if kernel_too != "True":
        pytest.skip("this kernel lets nobody restrict themselves")
    assert "taken away: 1 sockets that were made before" in before


# -- what was there before

KINDS = """
import os, socket, subprocess, sys, threading
from penjing.core.egress import inherited

other = socket.create_server(("127.0.0.1", 0))
far = socket.create_connection(other.getsockname())
near = socket.create_connection(other.getsockname())
accepted, _ = other.accept()
unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listening.bind("\\0penjing" + str(os.getpid()))
listening.listen()
here, there = socket.socketpair()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
copy = udp.dup()
route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
file = open(__import__("tempfile").mkstemp()[1], "w+b")
pipe = os.pipe()
started = subprocess.Popen(["sleep", "60"])
found = inherited.take_away(
    lambda family, peer: family == socket.AF_INET and peer == other.getsockname())
print(found)
started.kill(); started.wait()
for one in (here, unix, listening, other, route):
    one.getsockname()
here.sendall(b"x"); assert there.recv(1) == b"x"
file.write(b"x"); os.write(pipe[1], b"x")
near.sendall(b"x")
for one in (udp, udp6, copy, accepted):
    try:
        one.getsockname()
        print("still a socket", one)
    except OSError as error:
        print(error.strerror)
socket.create_connection(other.getsockname()).close()
with open(file.name, "rb") as another:
    taken = [udp.fileno(), udp6.fileno(), copy.fileno(), accepted.fileno()]
    assert another.fileno() not in taken
    for one in (udp, udp6, copy, accepted):
        one.close()
    assert another.read(0) == b""
"""


@linux
def test_what_listens_and_what_is_no_way_out_stays_and_the_rest_is_no_socket_any_more() -> None:
    first, *said = run(KINDS).splitlines()
    found = "looked=True, taken=4, kept=2, local=2, rings=0, children=1"
    assert first == f"InheritedDescriptors({found})"
    assert said == ["Socket operation on non-socket"] * 4


RING = """
import ctypes, os
from penjing.core.egress import inherited, kernel
ring = kernel.call(kernel.this_machine().numbers["io_uring_setup"], 4,
                   ctypes.create_string_buffer(256))
print(inherited.take_away(lambda *_: False).rings, os.readlink(f"/proc/self/fd/{ring}"))
"""


@linux
def test_a_queue_of_io_uring_is_taken_away_and_told() -> None:
    try:
        said = run(RING)
    except AssertionError:
        pytest.skip("no io_uring here")
    assert said == "1 /dev/null\n"


def test_what_is_told_of_before_is_what_there_was() -> None:
    assert InheritedDescriptors(True, taken=9).lines() == []
    assert "this system does not say" in InheritedDescriptors(False).lines()[0]
    lines = InheritedDescriptors(True, kept=1, local=2, rings=3, children=4).lines()
    assert [int(line.split()[0]) for line in lines] == [1, 2, 3, 4]


STREAMS = """
import socket, sys
from penjing.core.egress import inherited
print(inherited.take_away(lambda *_: False), file=sys.stderr)
print("hello")
"""


@linux
def test_who_started_us_through_a_socket_is_still_answered() -> None:
    """As inetd does: input and output are one TCP connection."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
        with (
            ours,
            theirs,
            subprocess.Popen(
                [sys.executable, "-c", STREAMS],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
            ) as process,
        ):
            assert process.stderr is not None
            assert b"taken=0, kept=2" in process.stderr.read()
            assert ours.recv(16) == b"hello\n"


BY_NAME = """
import socket
from penjing.core.egress.allowed import Address
from penjing.core.egress.process import Gate
good = socket.create_server(("127.0.0.1", 0))
asked = []
def lookup(name):
    asked.append(name)
    return ["127.0.0.1", "nonsense"]
gate = Gate([Address("tool.example", good.getsockname()[1])], local=True)
print(gate.is_allowed(socket.AF_INET, good.getsockname(), lookup),
      gate.is_allowed(socket.AF_INET, ("127.0.0.9", good.getsockname()[1]), lookup),
      gate.is_allowed(socket.AF_INET, ("127.0.0.1", 9), lookup), len(asked))
"""


def test_a_connection_to_a_named_host_is_known_by_what_the_helper_says() -> None:
    assert run(BY_NAME) == "True False False 2\n"


# -- addresses


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("api.open-meteo.com:443", "api.open-meteo.com", 443),
        ("LOCALHOST:1883", "localhost", 1883),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("[::1]:80", "::1", 80),
        ("[0:0::1]:80", "::1", 80),
        ("[::ffff:127.0.0.1]:80", "127.0.0.1", 80),
        ("host.example.:1", "host.example", 1),
    ],
)
def test_an_address_is_read_in_one_way(text: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(host, port)
    assert parse_address(str(parse_address(text))) == parse_address(text)


@pytest.mark.parametrize(
    "text",
    ["", ":", "x", "x:", ":80", "x:0", "x:65536", "x:8０", "::1:80", "a b:80", "a\n:80", "-x:1",
     "0x7f.1:80", "2130706433:80", "127.1:80", "user@host:80", "host/path:80", "*:80", "a..b:80"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    if text == "0x7f.1:80":
        assert parse_address(text).is_name  # a name that only a name server could make a number
        return
    with pytest.raises(BadInput, match="write"):
        parse_address(text)


@given(st.text(max_size=40), st.integers(-5, 70000))
def test_any_host_is_an_address_or_refused(host: str, port: int) -> None:
    try:
        made = address(host, port)
    except BadInput:
        return
    assert address(made.host, made.port) == made


def test_the_gate_knows_one_address_by_all_its_spellings() -> None:
    import socket

    gate = Gate([Address("127.0.0.1", 80)], local=False)
    gate.check_connect(socket.AF_INET, ("127.0.0.1", 80))
    gate.check_connect(socket.AF_INET6, ("::ffff:127.0.0.1", 80, 0, 0))
    for to in (("127.0.0.2", 80), ("127.0.0.1", 81), ("", 80), ("0.0.0.0", 80), ("localhost", 80)):
        with pytest.raises(RefusedError):
            gate.check_connect(socket.AF_INET, to)
    with pytest.raises(RefusedError):
        gate.check_connect(socket.AF_UNIX, "/run/somewhere")
    host: Any
    for host in ("penjing.invalid", b"penjing.invalid", "localhost.penjing.invalid"):
        with pytest.raises(RefusedError):
            gate.check_lookup(host)
    for host in (None, "", "localhost", "127.0.0.1", "::1", "fe80::1%lo"):
        gate.check_lookup(host)


# -- the filter itself, in a small machine of its own


def filtered(lines: bytes, number: int, *arguments: int, arch: int) -> int:
    """What the kernel would answer: an interpreter of the few instructions that are used."""
    import struct

    data = struct.pack("=IIQ6Q", number, arch, 0, *(*arguments, *[0] * (6 - len(arguments))))
    at, value = 0, 0
    while True:
        code, yes, no, operand = struct.unpack_from("=HBBI", lines, at * 8)
        at += 1
        if code == 0x20:
            value = struct.unpack_from("=I", data, operand)[0]
        elif code == 0x54:
            value &= operand
        elif code == 0x06:
            return int(operand)
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}
            at += yes if holds[code] else no


@pytest.mark.parametrize("name", sorted(kernel._MACHINES))
@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("tcp", [True, False])
def test_the_filter_lets_through_what_it_should_on_every_processor(
    name: str, tcp: bool, local: bool
) -> None:
    machine = kernel._MACHINES[name]
    lines = seccomp.program(machine, seccomp.Sockets(tcp=tcp, local=local))
    numbers = machine.numbers

    def ok(call: str, *arguments: int) -> bool:
        answer = filtered(lines, numbers[call], *arguments, arch=machine.audit)
        assert answer in (0x7FFF0000, 0x00050001)
        return answer == 0x7FFF0000

    cloexec = 0o2000000
    assert ok("socket", 2, 1 | cloexec, 6) is tcp
    assert ok("socket", 10, 1, 0) is tcp
    assert ok("socket", 1, 1 | cloexec, 0) is local
    assert ok("socket", 16, 3, 0)
    for family in (2, 10):
        for kind in (2, 3, 5):
            assert not ok("socket", family, kind, 0)
        assert not ok("socket", family, 1, 262)
    for family in (0, 17, 38, 40, 16 + 2**20):
        assert not ok("socket", family, 1, 0)
    assert not ok("socket", 16, 3, 12)
    assert ok("sendto", 3, 0, 0, 0x4000)
    for pointer in (1, 2**32, 0x7FFF12345678):
        assert ok("sendto", 3, 0, 0, 0, pointer) is local
    assert ok("connect", 3, 0x7FFF12345678, 16) is (tcp or local)
    for call in ("io_uring_enter", "io_uring_register", "recvmsg", "recvmmsg", "pidfd_getfd"):
        assert not ok(call, 3)
    for call, at in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
        assert not ok(call, *[7] * at, 0x20000000)
        assert ok(call, *[0x20000000] * at, 0)
    assert not ok("io_uring_setup", 4)
    assert filtered(lines, 0, arch=machine.audit) == 0x7FFF0000
    assert filtered(lines, numbers["socket"], 1, arch=machine.audit ^ 1) == 0x80000000
    if machine.other is not None:
        assert filtered(lines, machine.other + 41, 2, 1, arch=machine.audit) == 0x00050001


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_rooms_door_is_this_folder() -> None:
    """Nothing of it is imported by importing core."""
    code = "import sys, penjing.core.protocols; print('penjing.core.egress' in sys.modules)"
    assert run(code) == "False\n"
    assert Path(kernel.__file__).parent.name == "egress"
