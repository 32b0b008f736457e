"""What no request may exceed, before anybody is asked who it is from."""

from __future__ import annotations

from penjing.serve.door.visit import Refusal, Visit

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
"""No OPTIONS: only an origin that the owner named asks beforehand (`cors.py`)."""
LONGEST_URL = 4096
MOST_HEADERS = 64
MOST_HEADER_BYTES = 24 * 1024


def check(visit: Visit) -> Refusal | None:
    """Method, length of the URL, number and size of headers, and one plain path."""
    if visit.method not in METHODS:
        return Refusal(405, f"that method is not served: use {', '.join(METHODS)}")
    return sizes(visit)


def sizes(visit: Visit) -> Refusal | None:
    """The same, whatever the method."""
    raw = visit.scope.get("raw_path") or visit.path.encode("utf-8", "replace")
    if len(raw) + len(visit.scope.get("query_string", b"")) > LONGEST_URL:
        return Refusal(414, f"the address is longer than {LONGEST_URL} characters: shorten it")
    headers = visit.scope["headers"]
    if len(headers) > MOST_HEADERS:
        return Refusal(431, f"there are more than {MOST_HEADERS} headers: send fewer")
    if sum(len(key) + len(value) for key, value in headers) > MOST_HEADER_BYTES:
        return Refusal(431, f"the headers are larger than {MOST_HEADER_BYTES} bytes: shorten them")
    if not _plain(visit.path):
        return Refusal(400, "the path has parts that no path of ours has: check the address")
    return None


def _plain(path: str) -> bool:
    """No way up, no other separator, nothing that a log or a disk reads as more than text."""
    return (
        path.startswith("/")
        and path.isprintable()
        and "\\" not in path
        and not any(part in (".", "..") for part in path.split("/"))
        and not (len(path) > 1 and "//" in path)
    )
