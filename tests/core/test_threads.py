"""Threads that nobody waits for: what they return, how many there are, who comes first."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from penjing.core.threads import Threads


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not true():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.001)


def test_they_give_what_the_work_returns_and_raises() -> None:
    async def main() -> None:
        threads = Threads("test", 2)
        assert await threads.run(divmod, 7, 3) == (2, 1)
        assert await threads.run(int, "ff", base=16) == 255
        with pytest.raises(ZeroDivisionError):
            await threads.run(divmod, 1, 0)
        assert await threads.run(lambda: threading.current_thread().name) == "test"

    asyncio.run(main())


def test_the_work_sees_the_context_of_who_asked() -> None:
    mark = contextvars.ContextVar("mark", default=0)

    async def main() -> None:
        mark.set(7)
        assert await Threads("test", 1).run(mark.get) == 7

    asyncio.run(main())


def test_so_many_at_once_and_no_more_and_in_order() -> None:
    threads, gate, order = Threads("few", 3), threading.Event(), list[int]()
    most, now, lock = [0], [0], threading.Lock()

    def work(number: int) -> None:
        with lock:
            order.append(number)
            now[0] += 1
            most[0] = max(most[0], now[0])
        gate.wait(10)
        with lock:
            now[0] -= 1

    futures = [threads.begin(work, number) for number in range(30)]
    until(lambda: now[0] == 3)
    gate.set()
    for future in futures:
        future.result(10)
    assert most == [3]
    assert [*sorted(order[:3]), *order[3:6]] == sorted(order[:6])
    assert sum(one.name == "few" for one in threading.enumerate()) == 3


def test_a_free_thread_is_used_again() -> None:
    threads = Threads("again", 8)
    for number in range(50):
        assert threads.begin(lambda number=number: number).result(10) == number  # type: ignore[misc]
        until(lambda: threads._free >= 1)
    assert sum(one.name == "again" for one in threading.enumerate()) == 1


def test_what_has_not_begun_when_its_asker_leaves_is_never_begun() -> None:
    done: list[str] = []

    async def main() -> None:
        threads, gate = Threads("test", 1), threading.Event()
        first = threads.begin(gate.wait, 10)
        second = asyncio.ensure_future(threads.run(done.append, "second"))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        gate.set()
        await asyncio.wrap_future(first)
        await threads.run(done.append, "third")

    asyncio.run(main())
    assert done == ["third"]


def test_neither_a_loop_nor_python_waits_for_one_that_hangs() -> None:
    program = (
        "import asyncio, threading\n"
        "from penjing.core.threads import Threads\n"
        "async def main():\n"
        "    hanging = asyncio.ensure_future(Threads('x', 1).run(threading.Event().wait))\n"
        "    await asyncio.sleep(0.1)\n"
        "asyncio.run(main())\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0
