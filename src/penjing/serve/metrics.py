"""What is counted, in Prometheus' text format. No label says anything of a person or a text.

A path is counted by its route ("/api/sessions/{session}"), never as it was typed.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from penjing.core.memory import peak_memory
from penjing.core.serving import Health

BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)


class Metrics:
    """Counts of one server. Lives on its event loop."""

    def __init__(self) -> None:
        self._began = time.time()
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._seconds: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(BUCKETS) + 2))
        self._running = 0

    def begun(self) -> None:
        """A request came in."""
        self._running += 1

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._running -= 1
        self._requests[method, route, status] += 1
        kept = self._seconds[route]
        for number, bucket in enumerate(BUCKETS):
            kept[number] += seconds <= bucket
        kept[-2] += 1
        kept[-1] += seconds

    def text(self, health: Health) -> str:
        """All of it."""
        lines = _family("penjing_requests_total", "counter", "Requests answered.")
        for (method, route, status), count in sorted(self._requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            lines.append(f"penjing_requests_total{{{labels}}} {count}")
        lines += _family("penjing_request_seconds", "histogram", "From request to last byte.")
        for route, kept in sorted(self._seconds.items()):
            for number, bucket in enumerate((*map(str, BUCKETS), "+Inf")):
                labels = f'route="{route}",le="{bucket}"'
                lines.append(f"penjing_request_seconds_bucket{{{labels}}} {kept[number]:.0f}")
            lines.append(f'penjing_request_seconds_count{{route="{route}"}} {kept[-2]:.0f}')
            lines.append(f'penjing_request_seconds_sum{{route="{route}"}} {kept[-1]:.6f}')
        lines += _one("penjing_requests_running", "gauge", "Being answered.", self._running)
        lines += _engine(health)
        lines += _one("process_start_time_seconds", "gauge", "Since 1970.", self._began)
        lines += _one("process_resident_memory_bytes", "gauge", "Of the server.", _resident())
        return "\n".join(lines) + "\n"


def _engine(health: Health) -> list[str]:
    lines = _one("penjing_engine_ready", "gauge", "It takes requests.", int(health.ready))
    for name, about in (
        ("running", "Answers being written."),
        ("waiting", "Requests that wait for a place."),
        ("places", "Answers that are written side by side at most."),
    ):
        lines += _one(f"penjing_engine_{name}", "gauge", about, getattr(health, name))
    lines += _one("penjing_engine_restarts_total", "counter", "Crashes survived.", health.restarts)
    for name, value in sorted(health.counters.items()):
        lines += _one(f"penjing_engine_{name}_total", "counter", "A total of the engine.", value)
    return lines


def _one(name: str, kind: str, about: str, value: float) -> list[str]:
    return [*_family(name, kind, about), f"{name} {value:.15g}"]


def _family(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]


def _resident() -> int:
    """Bytes this process holds in memory; the most it ever held where that is not known."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return peak_memory()
