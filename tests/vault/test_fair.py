"""Places in the order of asking, which survives interrupts and forks; and what it is for."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from penjing.vault import fair
from penjing.vault.fair import FairPlaces

_SHARED = """
import os, threading
from penjing.vault.envelope import USUAL, Cost, stretch

OLD = Cost(lanes=4)  # of slots that an earlier penjing made

def many(times, cost=OLD):
    for _ in range(times):
        stretch(b"some words", os.urandom(16), cost)
"""


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not true():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.001)


def alone(program: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """In a process of its own: one that hangs in OpenSSL can only be killed."""
    words = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _SHARED + program]
    return subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)


# -- derivations, at the price that people pay


def test_derivations_side_by_side_all_end() -> None:
    done = alone(
        "both = (OLD, USUAL, OLD, USUAL)\n"
        "made = [threading.Thread(target=many, args=(6, one), daemon=True) for one in both]\n"
        "[one.start() for one in made]; [one.join() for one in made]; print('all')"
    )
    assert done.stdout == "all\n", done.stderr


def test_who_forks_while_another_thread_derives_can_derive_in_the_child() -> None:
    done = alone(
        "threading.Thread(target=many, args=(10,), daemon=True).start()\n"
        "for _ in range(5):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        many(1); os._exit(7)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert done.stdout == "7\n" * 5, done.stderr


# -- the lock


def test_it_is_held_by_one_and_handed_on_in_order() -> None:
    lock, order, inside = FairPlaces(1), list[int](), list[int]()

    def work(number: int) -> None:
        with lock.held(1):
            inside.append(number)
            assert inside == [number]
            order.append(number)
            time.sleep(0.001)
            inside.remove(number)

    threads = []
    with lock.held(1):
        for number in range(20):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            until(lambda: len(lock._waiting) == len(threads))
    for thread in threads:
        thread.join(10)
    assert order == list(range(20))
    with lock.held(1):
        pass


def test_who_comes_again_at_once_does_not_overtake() -> None:
    lock, turns = FairPlaces(1), list[str]()

    def greedy(name: str) -> None:
        for _ in range(50):
            with lock.held(1):
                turns.append(name)
                until(lambda: bool(lock._waiting) or len(turns) > 98)

    lock.take(1)
    threads = [threading.Thread(target=greedy, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    until(lambda: len(lock._waiting) == 2)
    lock.give_back(1)
    for thread in threads:
        thread.join(20)
    assert all(one != other for one, other in itertools.pairwise(turns[:98]))


class _Interrupted(BaseException):
    pass


class _Broken:
    """A thread's place in the queue, where an interrupt arrives while it waits."""

    def __init__(self, before: Callable[[], None]) -> None:
        self._before, self._locked = before, False

    def acquire(self) -> None:
        if self._locked:
            self._before()
            raise _Interrupted
        self._locked = True

    def release(self) -> None:
        self._locked = False


@pytest.mark.parametrize("handed_over", [False, True])
def test_an_interrupt_while_waiting_costs_nobody_their_turn(
    monkeypatch: pytest.MonkeyPatch, handed_over: bool
) -> None:
    lock = FairPlaces(1)
    lock.take(1)
    broken = _Broken((lambda: lock.give_back(1)) if handed_over else lambda: None)
    with monkeypatch.context() as patched:
        patched.setattr(
            fair, "_Waiting", lambda wanted: SimpleNamespace(wanted=wanted, turn=broken)
        )
        with pytest.raises(_Interrupted):
            lock.take(1)
    if not handed_over:
        lock.give_back(1)
    assert not lock._waiting
    lock.take(1)
    lock.give_back(1)


def test_a_child_has_it_free_whoever_waited_in_the_parent() -> None:
    program = (
        "from penjing.vault.fair import FairPlaces\n"
        "import time\n"
        "lock, made = FairPlaces(1), []\n"
        "def hold():\n"
        "    with lock.held(1): made.append(1); time.sleep(0.3)\n"
        "for _ in range(3): threading.Thread(target=hold, daemon=True).start()\n"
        "while not made: time.sleep(0.001)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    lock.take(1); os._exit(len(lock._waiting))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "with lock.held(1): print('ours')\n"
    )
    done = alone(program, 20)
    assert done.stdout == "0\nours\n", done.stderr


def test_a_system_without_fork_has_the_lock_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "register_at_fork")
    with FairPlaces(1).held(1):
        pass


def test_several_are_held_at_once_and_who_wants_all_is_not_passed_by() -> None:
    places, order = FairPlaces(3), list[str]()
    for _ in range(2):
        places.take(1)

    def work(name: str, wanted: int) -> None:
        with places.held(wanted):
            order.append(name)

    threads = [
        threading.Thread(target=work, args=one) for one in (("all", 3), ("one", 1), ("other", 1))
    ]
    for number, thread in enumerate(threads):
        thread.start()
        until(lambda number=number: len(places._waiting) == number + 1)  # type: ignore[misc]
    places.give_back(1)
    assert order == []  # a place is free, and the first in the queue wants more
    places.give_back(1)
    for thread in threads:
        thread.join(10)
    assert order[0] == "all"
    assert places._free == 3
