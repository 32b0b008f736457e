"""Which elements of a page are open, where HTML lets one leave out tags. Pure; linear in the page.

A `<li>` ends the `<li>` before it, a `</ul>` all that is open in the list, `<body>` the `<head>`;
an end tag that nothing waits for is nothing. As in "tree construction" of the HTML standard, but
for what only a tree needs (formatting that is begun anew, tables that are put right).
"""

from __future__ import annotations

from collections import defaultdict

_SPECIAL = frozenset(
    """address applet area article aside base basefont bgsound blockquote body br button caption
    center col colgroup dd details dir div dl dt embed fieldset figcaption figure footer form frame
    frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe img input keygen li link listing
    main marquee menu meta nav noembed noframes noscript object ol p param plaintext pre script
    search section select source style summary table tbody td template textarea tfoot th thead title
    tr track ul wbr xmp""".split()  # noqa: SIM905
)
"""No end tag of a phrase (`</b>`) reaches beyond one of these."""
_SCOPE = frozenset("applet caption html table td th marquee object template select".split())  # noqa: SIM905
"""No end tag of a block (`</div>`) reaches beyond one of these, but a table's own parts."""
_TABLE = frozenset("caption colgroup tbody tfoot thead tr td th table".split())  # noqa: SIM905
_ROOMS = frozenset(("table", "template", "html"))
"""No part of a table ends one beyond these."""
_PARTING = frozenset(
    """address article aside blockquote center details dialog dir div dl dd dt fieldset figcaption
    figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr li listing main menu nav ol p plaintext
    pre search section summary table ul xmp""".split()  # noqa: SIM905
)
"""What ends a paragraph by beginning."""
_OF_HEADS = frozenset(
    "base basefont bgsound link meta title noscript noframes style script template head".split()  # noqa: SIM905
)
_ENDS = {
    "li": ("li",), "dt": ("dt", "dd"), "dd": ("dt", "dd"),
    "tr": ("tr", "caption", "colgroup"), "td": ("td", "th"), "th": ("td", "th"),
    "tbody": ("tr", "tbody", "thead", "tfoot", "caption", "colgroup"),
    "thead": ("tr", "tbody", "thead", "tfoot", "caption", "colgroup"),
    "tfoot": ("tr", "tbody", "thead", "tfoot", "caption", "colgroup"),
    "option": ("option",), "optgroup": ("optgroup", "option"),
    "rt": ("rt", "rp"), "rp": ("rt", "rp"),
}  # fmt: skip
"""What begins, and what it ends where that is open in the same list or table."""
_LISTED = frozenset(("li", "dt", "dd"))
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())  # noqa: SIM905


class Open:
    """The open elements, the outermost first, and whether one of them hides what is in it."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._hides: list[bool] = []
        self._at: dict[str, list[int]] = defaultdict(list)
        """Where elements of a name are."""
        self._walls: dict[str, list[int]] = defaultdict(list)
        """Where those are that something does not reach beyond."""
        self._hiding = 0

    @property
    def hidden(self) -> bool:
        """What comes now is not seen."""
        return self._hiding > 0

    def holds(self, name: str) -> bool:
        """Whether an element of this name is open."""
        return bool(self._at[name])

    def begin(self, name: str, *, hides: bool) -> None:
        """An element begins: first others end."""
        self.before(name)
        place = len(self._names)
        self._names.append(name)
        self._hides.append(hides)
        self._hiding += hides
        self._at[name].append(place)
        for wall in _walls_of(name):
            self._walls[wall].append(place)

    def before(self, name: str) -> None:
        """What ends because `name` begins."""
        if self._at["head"] and name not in _OF_HEADS:
            self._cut("head", -1)
        if self._at["select"] and (name in _PARTING or name in ("input", "textarea", "select")):
            self._cut("select", -1)
        if name in _LISTED:
            self._nearest(_ENDS[name], self._wall("list"))
        elif name in _TABLE:
            self._nearest(_ENDS.get(name, ()), self._wall("table"))
        else:
            self._nearest(_ENDS.get(name, ()), self._wall("special"))
        if name in _PARTING:
            self._cut("p", self._wall("scope"))

    def text(self) -> None:
        """Words end a head."""
        if self._at["head"] and self._names[-1] == "head":
            self._cut("head", -1)

    def end(self, name: str) -> None:
        """An end tag: all that is open within it ends, too."""
        if name in _TABLE:
            self._cut(name, self._wall("table") - (name == "table"))
        elif name in _SCOPE or name in ("head", "body", "html"):
            self._cut(name, -1)
        elif name in _LISTED:
            self._cut(name, self._wall("items"))
        elif name in _SPECIAL:
            self._cut(name, self._wall("scope"))
        elif not self._cut(name, self._wall("special")) and name in _FORMATTING:
            self._show(name)

    def _wall(self, kind: str) -> int:
        return self._walls[kind][-1] if self._walls[kind] else -1

    def _nearest(self, names: tuple[str, ...], wall: int) -> None:
        """End the outermost of these on this side of the wall."""
        for name in names:
            places = self._at[name]
            if places and places[-1] > wall:
                self._cut(name, wall)

    def _show(self, name: str) -> None:
        """A phrase ends within a block that began in it: what follows is not in it any more."""
        if self._at[name] and self._hides[self._at[name][-1]]:
            self._hides[self._at[name][-1]] = False
            self._hiding -= 1

    def _cut(self, name: str, wall: int) -> bool:
        """End the innermost of a name, if no wall is before it."""
        places = self._at[name]
        if not places or places[-1] <= wall:
            return False
        last = places[-1]
        while len(self._names) > last:
            gone = self._names.pop()
            self._hiding -= self._hides.pop()
            self._at[gone].pop()
            for one in _walls_of(gone):
                self._walls[one].pop()
        return True


def _walls_of(name: str) -> tuple[str, ...]:
    return _WALLS.get(name, ())


_WALLS = {
    name: tuple(
        wall
        for wall, stands in (
            ("special", True),
            ("list", name not in ("address", "div", "p", *_LISTED)),
            ("items", name in _SCOPE or name in ("ol", "ul", "dl")),
            ("scope", name in _SCOPE),
            ("table", name in _ROOMS),
        )
        if stands
    )
    for name in _SPECIAL | _SCOPE
}
