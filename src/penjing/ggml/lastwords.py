"""The engine's C code ends the process when an assertion fails. Here it says why, in one line.

`engine/guard.py` refuses the files that are known to do that; this is the net under it, for the
hundred families of models nobody has tried to break. Nothing can be saved after abort() was called:
no Python runs again but these few lines.
"""

from __future__ import annotations

import ctypes
import os

from penjing.ggml.layout import AbortMessage

_Terminate = ctypes.CFUNCTYPE(None)


def install(library: ctypes.CDLL) -> None:
    """Replace a backtrace and a core dump by one line and exit status 1.

    With PENJING_DEBUG=1 the engine's own behaviour stays.
    """
    if os.environ.get("PENJING_DEBUG") == "1":
        return
    library.ggml_set_abort_callback(_on_abort)
    # std::set_terminate, from the C++ runtime the library is linked with
    terminate = getattr(library, "_ZSt13set_terminatePFvvE", None)
    if terminate is not None:
        terminate.restype, terminate.argtypes = ctypes.c_void_p, (_Terminate,)
        terminate(_on_terminate)


def _give_up(reason: str) -> None:
    line = f"penjing: the engine gave up ({reason}): the model file is damaged or not supported\n"
    try:
        os.write(2, line.encode("utf-8", "replace"))
    finally:
        os._exit(1)


def _aborted(message: bytes | None) -> None:
    text = (message or b"").decode("utf-8", "replace").strip().splitlines()
    where = (text or ["no reason given"])[0].rpartition("/")[2]
    _give_up("".join(char for char in where if char.isprintable())[:200])


def _terminated() -> None:
    _give_up("an exception in its C++ code")


_on_abort, _on_terminate = AbortMessage(_aborted), _Terminate(_terminated)
