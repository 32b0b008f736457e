"""Ctrl-C during a call into C: not lost in a callback, not before the call is over."""

from __future__ import annotations

import ctypes
import signal
import threading

import pytest

from penjing.core.interrupts import deferred

_Callback = ctypes.CFUNCTYPE(None)


class _Stopped(BaseException):
    """What a handler of SIGTERM raises."""


def test_it_comes_when_the_block_ends() -> None:
    done = []

    def work() -> None:
        with deferred():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]
    with pytest.raises(KeyboardInterrupt):  # and the handler is back
        signal.raise_signal(signal.SIGINT)


def test_nothing_comes_when_nothing_was_pressed() -> None:
    before = signal.getsignal(signal.SIGINT)
    with deferred():
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_and_a_failing_block() -> None:
    def stop(*_: object) -> None:
        raise _Stopped

    def work() -> None:
        with deferred():
            signal.raise_signal(signal.SIGTERM)
            raise ValueError("the call failed too")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(_Stopped) as stopped:
            work()
        assert isinstance(stopped.value.__context__, ValueError)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_has_nothing_to_hold() -> None:
    ran = []

    def work() -> None:
        with deferred():
            ran.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [True]


def test_inside_a_callback_it_would_be_lost() -> None:
    """The reason for all this: without it ctypes prints the KeyboardInterrupt and goes on."""
    callback = _Callback(lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt), deferred():
        callback()
