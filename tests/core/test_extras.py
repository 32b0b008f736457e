"""Optional parts that are there, that are not, and that cannot be imported."""

from __future__ import annotations

import sys

import pytest

from penjing.core.errors import MissingExtra
from penjing.core.extras import is_installed, needed, require_extra


def test_what_is_installed_is_imported() -> None:
    with needed("a number", "hub"):
        import decimal
    assert decimal.Decimal(1) == 1
    require_extra("a number", "hub", "decimal", "json")


@pytest.mark.parametrize("name", ["surely_not_installed", "colorsys"])
def test_what_is_not_is_named_with_what_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "colorsys", None)  # made unimportable
    assert not is_installed(name)
    with pytest.raises(MissingExtra, match=r"^the page needs .* pip install 'penjing\[serve\]'$"):
        require_extra("the page", "serve", "json", name)
    with pytest.raises(MissingExtra, match="the page") as raised, needed("the page", "serve"):
        __import__(name)
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


def test_another_error_of_an_import_is_not_hidden() -> None:
    with pytest.raises(ImportError, match="cannot import name"), needed("a number", "hub"):
        from decimal import surely_not_there  # type: ignore[attr-defined] # noqa: F401
