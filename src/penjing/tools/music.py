"""Music through a Music Player Daemon: play, pause, what is playing, search, playlists, volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput
from penjing.core.protocols import Tool
from penjing.tools.checked import ToolAdapter, number, one_of, parameters, text
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.keep import read_secret
from penjing.tools.mpd import Mpd, Pair
from penjing.tools.names import by_plain, find
from penjing.tools.web import require_host

DESCRIPTION = "Plays music: play, pause, next, volume, search and playlists."
PARAMETERS = parameters(
    ["action"],
    action=one_of(
        "what to do", "play", "pause", "resume", "stop", "next", "previous", "volume", "search",
        "playlists", "status",
    ),
    query=text("words of a title, artist or album"),
    playlist=text("a playlist"),
    volume=number("percent", 0, 100),
    volume_change=number("percent more, or less below zero", -100, 100),
)  # fmt: skip

_MOST_FOUND = 50
_SIMPLE: Mapping[str, tuple[str, ...]] = {
    "pause": ("pause", "1"),
    "resume": ("play",),
    "stop": ("stop",),
    "next": ("next",),
    "previous": ("previous",),
}


@dataclass(frozen=True)
class Settings:
    """The `music:` of a spec."""

    host: str = "127.0.0.1"
    """Where the daemon is."""
    port: int = 6600
    """Where it listens."""
    password_file: Path | None = None
    """A file with its password."""
    seconds: float = 5.0
    """How long to wait for it."""

    def __post_init__(self) -> None:
        require_host(self.host)
        if not 0 < self.port < 65_536:
            raise BadInput("music.port is between 1 and 65535")

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return [(self.host, self.port)]


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("music", DESCRIPTION, PARAMETERS, Music(settings))]


class Music:
    """Plays."""

    for_a_while = True

    def __init__(self, settings: Settings) -> None:
        password = read_secret(settings.password_file) if settings.password_file else None
        self._mpd = Mpd(settings.host, settings.port, password, settings.seconds)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises ToolError."""
        action = arguments["action"]
        match action:
            case "play":
                self._play(arguments)
            case "volume":
                self._mpd.do(["setvol", str(self._volume(arguments))])
            case "search":
                found = self._search(arguments)
                shown = [_shown(song) for song in found]
                return {"found": shown, "count": len(shown)}
            case "playlists":
                names = self._playlists()
                return {"found": names, "count": len(names)}
            case "status":
                pass
            case _:
                self._mpd.do(_SIMPLE[action])
        return self._status()

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """How loud it is. Raises ToolError."""
        volume = self._status()["volume"] if arguments["action"] == "volume" else None
        if volume is None:
            raise ToolError("not_known", "only a volume that is known can be put back")
        return {"volume": volume}

    def restore(
        self, was: Mapping[str, Any], made: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """As loud as it was. Raises ToolError."""
        if self._status()["volume"] != made["volume"]:
            return {"devices": [], "left": ["music"]}
        self._mpd.do(["setvol", str(was["volume"])])
        return {"devices": ["music"], "left": []}

    def _play(self, arguments: Mapping[str, Any]) -> None:
        """A playlist, what was searched for, or what is in the queue."""
        if "playlist" in arguments:
            name = find(
                "playlist", arguments["playlist"], by_plain((n, n) for n in self._playlists())
            )
            self._mpd.do(["clear"], ["load", name], ["play"])
        elif "query" in arguments:
            songs = self._search(arguments)
            if not songs:
                raise ToolError(
                    "unknown_name", f"there is no music of '{arguments['query'][:60]}'", near=[]
                )
            added = [["add", song["file"]] for song in songs]
            self._mpd.do(["clear"], *added, ["play"])
        else:
            status = dict(self._mpd.ask("status"))
            if status.get("playlistlength") == "0":
                raise ToolError("arguments", "nothing is in the queue: say what to play")
            self._mpd.do(["play"])

    def _search(self, arguments: Mapping[str, Any]) -> list[dict[str, str]]:
        if "query" not in arguments:
            raise ToolError("arguments", "which music? give words of a title, artist or album")
        words = arguments["query"].split()
        answer = self._mpd.ask("search", *(part for word in words for part in ("any", word)))
        songs: list[dict[str, str]] = []
        for key, value in answer:
            if key == "file":
                songs.append({})
            if songs:
                songs[-1].setdefault(key, value)
        return songs[:_MOST_FOUND]

    def _volume(self, arguments: Mapping[str, Any]) -> int:
        if ("volume" in arguments) == ("volume_change" in arguments):
            raise ToolError("arguments", "a volume is set to a number, or by one")
        if "volume" in arguments:
            return int(arguments["volume"])
        now = dict(self._mpd.ask("status")).get("volume", "-1")
        if not now.isdigit():
            raise ToolError("not_supported", "the volume is not known: say a number")
        return max(0, min(100, int(now) + int(arguments["volume_change"])))

    def _playlists(self) -> list[str]:
        answer = self._mpd.ask("listplaylists")
        return [value for key, value in answer if key == "playlist"][:500]

    def _status(self) -> dict[str, Any]:
        status = dict(self._mpd.ask("status"))
        song = _first(self._mpd.ask("currentsong"))
        volume = status.get("volume", "")
        states = {"play": "playing", "pause": "paused"}
        return {
            "state": states.get(status.get("state", ""), "stopped"),
            "volume": int(volume) if volume.isdigit() else None,
            **_shown(song),
        }

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of playlists."""
        return tuple(self._playlists()) if parameter == "playlist" else ()

    def close(self) -> None:
        """Nothing is held."""


def _first(pairs: Sequence[Pair]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def _shown(song: Mapping[str, str]) -> dict[str, str]:
    """A song for people; a file without a title is called as it lies."""
    title = song.get("title") or Path(song.get("file", "")).stem
    return {
        "title": title[:200],
        "artist": song.get("artist", "")[:200],
        "album": song.get("album", "")[:200],
    }
