"""Devices by the names people use: one, a room's, or all; and what came of changing several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from penjing.core.showing import Press, Thing
from penjing.tools.failed import Offline, ToolError
from penjing.tools.home.device import Device, House, Kind, Known, State, Told, Wanted, close
from penjing.tools.home.houses import Houses
from penjing.tools.home.settings import HouseSettings
from penjing.tools.names import find, plain

Group = tuple[tuple[House, Device], ...]


@dataclass(frozen=True)
class Words:
    """How people call all devices of a kind."""

    english: tuple[str, ...] = ()
    """After a room's name: lights, lamps."""
    chinese: tuple[str, ...] = ()
    """The same: 灯."""


class Control:
    """The devices of one tool."""

    def __init__(
        self, settings: HouseSettings, houses: Houses, kind: Kind, words: Words, *, any_kind: bool
    ) -> None:
        self._settings, self._kind, self._words, self._any = settings, kind, words, any_kind
        self._houses = houses
        self._twins: set[str] = set()  # names that several found devices have
        self._entered: list[House] = houses.enter(settings, kind)

    def names(self) -> Sequence[str]:
        """Every name that means something right now. Raises ToolError."""
        devices = tuple(self._devices())
        named = (*_single(devices), *self._together(devices))  # as they are told: devices first
        return tuple(dict.fromkeys(name for name, _ in named))

    def members(self) -> Mapping[str, Sequence[str]]:
        """Names to the devices they mean, by names that mean these alone. Raises ToolError."""
        known: dict[str, Group] = {}
        for name, group in self._named():
            known.setdefault(plain(name), group)

        def alone(device: Device) -> bool:
            meant = known.get(plain(device.name), ())
            return [one for _, one in meant] == [device] and plain(device.name) not in self._twins

        return {
            name: tuple(device.name for _, device in known[plain(name)] if alone(device))
            for name in self.names()
        }

    def find(self, name: str) -> Group:
        """The devices that a name means. Raises ToolError."""
        known: dict[str, Group] = {}
        for one, group in self._named():
            known.setdefault(plain(one), group)
        meant = find(self._kind if not self._any else "device", name, known)
        if len(meant) == 1 and plain(meant[0][1].name) in self._twins:
            message = f"several devices call themselves '{name[:60]}': name one in the spec"
            raise ToolError("ambiguous", message)
        return meant

    def known(self, name: str) -> tuple[Device, Known]:
        """One device and what is known of it. Raises ToolError."""
        group = self.find(name)
        if len(group) > 1:
            near = [device.name for _, device in group]
            raise ToolError("ambiguous", f"that is {len(group)} devices: say which", near=near)
        house, device = group[0]
        return device, house.known(device)

    def shown(self, presses: Callable[[str, State], Mapping[str, Press]]) -> Sequence[Thing]:
        """Every device as it was heard last, with what may be pressed; names that several have are
        left out, for nobody could tell which is meant. Raises ToolError."""
        found: list[Thing] = []
        for house, device in tuple(self._devices()):
            if plain(device.name) in self._twins:
                continue
            state: State = {}
            reason = ""
            try:
                state = house.glance(device).state
            except ToolError as error:
                reason = error.reason
            may = presses(device.name, state)
            found.append(
                Thing(
                    device.kind,
                    device.name,
                    device.key,
                    device.also,
                    device.room,
                    state,
                    reason,
                    may,
                )
            )
        return found

    def change(
        self, name: str, wanted: Wanted, relative: Callable[[State], Wanted] | None = None
    ) -> dict[str, Any]:
        """Change all that a name means. Raises ToolError: what was done and what was not."""
        done: list[str] = []
        failed: list[tuple[str, ToolError]] = []
        told: set[Told] = set()
        for house, device in self.find(name):
            try:
                now = {**wanted, **relative(house.known(device).state)} if relative else wanted
                told.add(house.change(device, now))
                done.append(device.name)
            except ToolError as error:
                failed.append((device.name, error))
                gone = error.reason in ("unreachable", "timeout") and not isinstance(error, Offline)
                if gone and not done:
                    break  # the house itself is gone: the others would wait as long
        if failed and not done:
            first = failed[0][1]
            data = {**first.data, "failed": [name for name, _ in failed]}
            raise ToolError(first.reason, str(first), **data)
        if failed:
            rest = ", ".join(f"{name} ({error})" for name, error in failed)
            message = f"done: {', '.join(done)}; not done: {rest}"
            names = [name for name, _ in failed]
            raise ToolError("unconfirmed", message, done=done, failed=names)
        heard = least(told)
        return {"devices": done, **wanted, "confirmed": heard == "confirmed", "told": heard}

    def remember(
        self, name: str, fields: Sequence[Sequence[str]], told: Mapping[str, Any]
    ) -> dict[str, Any]:
        """How all that a name means is, in these fields: of each few, one at least. What a device
        was told and did not answer to stands for what it says. Raises ToolError."""
        kept: dict[str, Any] = {}
        silent = told.get("confirmed") is False
        for house, device in self.find(name):
            state = dict(house.known(device).state)
            wanted = {one for few in fields for one in few}
            if silent:
                state |= {one: told[one] for one in wanted & told.keys()}
            for few in fields if state.get("on") is not False else ():
                if not any(one in state for one in few):
                    message = f"{device.name} does not say how it is now: it could not be put back"
                    raise ToolError("not_known", message)
            kept[device.name] = {one: state[one] for one in sorted(wanted & state.keys())}
        return kept

    def restore(self, was: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
        """Put devices back as they were, but those that are neither as they were made nor, because
        they have not answered yet, as they were. Raises ToolError."""
        done: list[str] = []
        left: list[str] = []
        told: set[Told] = set()
        for name, before in was.items():
            for house, device in self.find(name):
                state = house.known(device).state
                if not same(state, made.get(name, {})) and not same(state, before):
                    left.append(device.name)
                    continue
                off = before.get("on") is False
                told.add(house.change(device, {"on": False} if off else before))
                done.append(device.name)
        return {"devices": done, "left": left, "told": least(told)}

    def close(self) -> None:
        """Let go of the houses. Calling it twice is harmless."""
        entered, self._entered = self._entered, []
        for house in entered:
            self._houses.leave(house)

    def _named(self) -> Iterator[tuple[str, Group]]:
        """Names and what they mean, the surest first: a device of the spec, a room, all, and only
        then what calls itself so."""
        devices = tuple(self._devices())
        yield from _single(one for one in devices if not one[1].found)
        yield from self._together(devices)
        yield from _single(one for one in devices if one[1].found)

    def _together(self, devices: Group) -> Iterator[tuple[str, Group]]:
        for room, names in self._rooms(devices).items():
            group = tuple(one for one in devices if plain(one[1].room) == room)
            for name in names if group else ():
                yield name, group
                yield from ((f"{name} {word}", group) for word in self._words.english)
                for word in self._words.chinese:
                    yield from ((f"{name}{link}{word}", group) for link in ("", "的", "里的"))
        if devices and not self._any:
            for name in self._all_names():
                yield name, devices

    def _all_names(self) -> Iterator[str]:
        for word in self._words.english:
            yield from (word, f"all {word}", f"all the {word}")
        for word in self._words.chinese:
            yield from (f"{some}{word}" for some in ("所有", "所有的", "全部", "全部的"))

    def _rooms(self, devices: Group) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for room, others in self._settings.rooms.items():
            found.setdefault(plain(room), []).extend([room, *others])
        for _, device in devices:
            if device.room:
                found.setdefault(plain(device.room), [device.room])
        return found

    def _devices(self) -> Iterator[tuple[House, Device]]:
        """Those of the kind; a name that the spec gave hides one that was found."""
        problem: ToolError | None = None
        seen: dict[tuple[str, str], bool] = {}
        self._twins.clear()
        for house in self._entered:
            try:
                devices = house.devices()
            except ToolError as error:
                problem = error
                continue
            for device in devices:
                mark = (plain(device.name), device.kind)
                if (self._any or device.kind == self._kind) and mark not in seen:
                    seen[mark] = device.found
                    yield house, device
                elif device.found and seen.get(mark):
                    self._twins.add(mark[0])
        if problem is not None and not seen:
            raise problem


def _single(devices: Iterable[tuple[House, Device]]) -> Iterator[tuple[str, Group]]:
    for house, device in devices:
        for name in (device.name, *device.also):
            yield name, ((house, device),)


_LEAST: Sequence[Told] = ("no_answer", "sent")
"""Of several devices it is the least that is told."""


def least(told: AbstractSet[Told]) -> Told:
    """What is told of several devices."""
    return next((one for one in _LEAST if one in told), "confirmed")


def same(state: State, made: Mapping[str, Any]) -> bool:
    """A device is as it was made, as far as it says so."""
    return all(close(state[one], made[one]) for one in made if one in state)


def bounded(value: float, low: float, high: float) -> float:
    """A number that stays in its bounds."""
    return max(low, min(high, value))


def base(state: Mapping[str, Any], name: str, what: str) -> float:
    """What a relative change starts from. Raises ToolError when it is not known."""
    found = state.get(name)
    if not isinstance(found, int | float):
        raise ToolError("not_known", f"the {what} is not known: say a number")
    return found
