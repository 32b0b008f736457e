"""Music on a real mpd that plays into nothing."""

from __future__ import annotations

import math
import os
import socket
import struct
import subprocess
import threading
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from brokers import answers, free_port, program
from tooling import done, failed, wait_until

from penjing.core.protocols import Tool

Make = Callable[..., Tool]


def song(path: Path, title: str, artist: str, seconds: int = 20) -> None:
    """A tone, with its names in a RIFF INFO list as taggers write them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        tone = (int(3000 * math.sin(n / 5)) for n in range(8000 * seconds))
        file.writeframes(b"".join(struct.pack("<h", value) for value in tone))
    names = b""
    for key, text in ((b"INAM", title), (b"IART", artist)):
        data = text.encode() + b"\0"
        data += b"\0" * (len(data) % 2)
        names += key + struct.pack("<I", len(data)) + data
    info = b"LIST" + struct.pack("<I", len(names) + 4) + b"INFO" + names
    whole = path.read_bytes() + info
    path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("mpd")
    song(folder / "music/sea.wav", "By the Sea", "Ann")
    song(folder / "music/月亮.wav", "月亮代表我的心", "邓丽君")
    song(folder / 'music/odd "quoted\\.wav', 'Say "hi"\\', "Ann")
    (folder / "lists").mkdir()
    (folder / "lists/晚上.m3u").write_text("月亮.wav\n")
    port = free_port()
    user = 'user "root"\n' if os.geteuid() == 0 else ""
    (folder / "mpd.conf").write_text(
        f'music_directory "{folder}/music"\nplaylist_directory "{folder}/lists"\n{user}'
        f'db_file "{folder}/db"\nbind_to_address "127.0.0.1"\nport "{port}"\n'
        'audio_output {\n type "null"\n name "none"\n mixer_type "software"\n}\n'
        'filesystem_charset "UTF-8"\nauto_update "no"\n'
    )
    log = (folder / "log").open("wb")
    command = [program("mpd", "mpd"), "--no-daemon", "--stderr", str(folder / "mpd.conf")]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        with socket.create_connection(("127.0.0.1", port)) as talk:
            talk.sendall(b"update\nidle update\n")
            wait_until(lambda: b"changed: update" in talk.recv(1000))
        yield port
    finally:
        process.kill()
        process.wait()
        log.close()


@pytest.fixture
def music(make: Make, player: int) -> Tool:
    return make("music", port=player)


def test_it_searches_plays_pauses_and_goes_on(music: Tool) -> None:
    found = done(music.call({"action": "search", "query": "ann"}, "ann"))
    assert found["count"] == 2
    playing = done(music.call({"action": "play", "query": "sea ann"}, "ann"))
    assert (playing["state"], playing["title"], playing["artist"]) == (
        "playing",
        "By the Sea",
        "Ann",
    )
    assert done(music.call({"action": "pause"}, "ann"))["state"] == "paused"
    assert done(music.call({"action": "resume"}, "ann"))["state"] == "playing"
    assert done(music.call({"action": "stop"}, "ann"))["state"] == "stopped"
    assert done(music.call({"action": "play"}, "ann"))["state"] == "playing"


def test_it_plays_chinese_names_and_goes_to_the_next(music: Tool) -> None:
    assert done(music.call({"action": "play", "query": "月亮"}, "ann"))["artist"] == "邓丽君"
    done(music.call({"action": "play", "query": "ann"}, "ann"))
    first = done(music.call({"action": "status"}, "ann"))["title"]
    second = done(music.call({"action": "next"}, "ann"))["title"]
    assert {first, second} == {"By the Sea", 'Say "hi"\\'}
    assert done(music.call({"action": "previous"}, "ann"))["title"] == first


def test_playlists_are_entities(music: Tool) -> None:
    assert music.entities("playlist") == ("晚上",)
    assert music.entities("query") == ()
    assert done(music.call({"action": "playlists"}, "ann"))["found"] == ["晚上"]
    assert (
        done(music.call({"action": "play", "playlist": "晚上"}, "ann"))["title"] == "月亮代表我的心"
    )
    outcome = music.call({"action": "play", "playlist": "早上"}, "ann")
    assert failed(outcome) == "unknown_name"


def test_the_volume_is_set_and_changed(music: Tool) -> None:
    done(music.call({"action": "play", "query": "sea"}, "ann"))
    assert done(music.call({"action": "volume", "volume": 40}, "ann"))["volume"] == 40
    assert done(music.call({"action": "volume", "volume_change": -15}, "ann"))["volume"] == 25
    assert done(music.call({"action": "volume", "volume_change": -100}, "ann"))["volume"] == 0
    assert failed(music.call({"action": "volume"}, "ann")) == "arguments"
    assert failed(music.call({"action": "volume", "volume": 1, "volume_change": 1}, "a")) == (
        "arguments"
    )


@pytest.mark.parametrize(
    "query", ['x"\nclear\n', 'x" "y', "\\", '"', "$(reboot)", "(base 'x')", "no such song"]
)
def test_a_name_is_never_a_command(music: Tool, query: str) -> None:
    done(music.call({"action": "play", "query": "sea"}, "ann"))
    outcome = music.call({"action": "play", "query": query}, "ann")
    if outcome.ok:  # a quote and a backslash are in a title
        assert outcome.data["title"] == 'Say "hi"\\'
    else:
        assert failed(outcome) in ("unknown_name", "arguments")
        assert done(music.call({"action": "status"}, "ann"))["title"] == "By the Sea"


def test_nothing_to_play(music: Tool, player: int) -> None:
    with socket.create_connection(("127.0.0.1", player)) as talk:
        talk.sendall(b"clear\n")
        wait_until(lambda: talk.recv(100).endswith(b"OK\n"))
    assert failed(music.call({"action": "play"}, "ann")) == "arguments"
    assert failed(music.call({"action": "search"}, "ann")) == "arguments"
    assert done(music.call({"action": "status"}, "ann"))["title"] == ""


# -- players that fail


def test_no_player(make: Make) -> None:
    music = make("music", port=free_port())
    assert failed(music.call({"action": "play"}, "ann")) == "unreachable"
    assert music.entities("playlist") == ()


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"SSH-2.0\n", "wrong_answer"),
        (b"", "unconfirmed"),
        (b"OK MPD 0.23.5\nx: y\n", "unconfirmed"),
        (b"OK MPD 0.23.5\n" + b"a: b\n" * 6000, "wrong_answer"),
        (b"OK MPD 0.23.5\n" + b"a" * 20_000, "wrong_answer"),
        (b"OK MPD 0.23.5\nACK [4@0] {status} you don't have permission\n", "refused"),
        (b"OK MPD 0.23.5\nACK [50@0] {load} No such playlist\n", "unknown_name"),
        (b"OK MPD 0.23.5\nACK [5@0] {x} odd\x1b[2J\n", "refused"),
        (None, "timeout"),
    ],
)
def test_strange_players(make: Make, says: bytes | None, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def speak() -> None:
            peer, _ = listening.accept()
            with peer, suppress(OSError):
                if says is None:
                    time.sleep(1)
                    return
                peer.sendall(says)
                peer.shutdown(socket.SHUT_WR)
                peer.settimeout(2)
                while peer.recv(1000):
                    pass

        thread = threading.Thread(target=speak)
        thread.start()
        music = make("music", port=listening.getsockname()[1], seconds=0.5)
        outcome: Any = music.call({"action": "status"}, "ann")
        assert outcome.data["reason"] == reason
        thread.join()
