"""The large cities of the world: found by both names, each where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from penjing.core.cities import cities, city_names
from penjing.core.errors import BadInput
from penjing.tools.places import Place, by_name, names, with_cities
from penjing.tools.registry import check_section

HOME = Place("Berlin", 52.52, 13.4, ("柏林",))


def test_every_city_has_two_names_and_is_on_earth() -> None:
    every = [Place(one.names[0], one.latitude, one.longitude, one.names[1:]) for one in cities()]
    assert len(every) > 200
    assert all(any("\u3400" <= char <= "\u9fff" for char in "".join(one.also)) for one in every)
    assert len(set(city_names())) == len(city_names())


@pytest.mark.parametrize(
    ("name", "north", "east"),
    [
        ("tokyo", 35.7, 139.7),
        ("上海", 31.2, 121.5),
        ("New York", 40.7, -74.0),
        ("悉尼", -33.9, 151.2),
    ],
)
def test_where_they_are(name: str, north: float, east: float) -> None:
    found = by_name(with_cities([HOME]))[name.lower()]
    assert abs(found.latitude - north) < 0.2
    assert abs(found.longitude - east) < 0.2
    assert found.called(name).lower() == name.lower()


def test_what_the_settings_name_stays_theirs() -> None:
    home = Place("Paris", 33.66, -95.55)  # of Texas
    places = with_cities([home])
    assert by_name(places)["paris"] is home
    assert names(places).count("Paris") == 1


def test_cities_are_asked_for_in_the_settings(tmp_path: Path) -> None:
    berlin = {"name": "Berlin", "latitude": 52.5, "longitude": 13.4}
    (settings,) = check_section(
        {"weather": {"places": [berlin], "cities": True}}, tmp_path
    ).values()
    assert len(settings.everywhere()) > 200
    (alone,) = check_section({"weather": {"places": [berlin]}}, tmp_path).values()
    assert len(alone.everywhere()) == 1
    with pytest.raises(BadInput):
        check_section({"weather": {"places": [berlin], "cities": "yes"}}, tmp_path)
