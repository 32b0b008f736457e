"""The front door: what a program gets by `import penjing`, and the example that README gives."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import Place

import penjing
from penjing.core.errors import BadInput, BudgetError
from penjing.core.messages import GenerationSettings, Message

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
SHORT = GenerationSettings(max_tokens=4)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("front")
        patch.setenv("PENJING_HOME", str(folder / "home"))
        yield Place(folder)


@pytest.fixture(scope="module")
def made(place: Place) -> penjing.Bundle:
    return penjing.compress(
        place.model, place.folder / "made", size="110KB", effort="light",
        held_out=str(place.held), text=place.folder / "own.txt", threads=1,
    )  # fmt: skip


def test_nothing_is_loaded_before_it_is_used() -> None:
    program = """
import sys, penjing
own = {name for name in sys.modules if name.split(".")[0] == "penjing"}
assert own == {"penjing"}, own
heavy = {"numpy", "torch", "xllamacpp", "rich", "sqlcipher3"} & set(sys.modules)
assert not heavy, heavy
assert set(penjing.__all__) <= set(dir(penjing))
penjing.compress, penjing.load, penjing.evaluate, penjing.compare, penjing.fit
penjing.open_assistant
heavy = {"torch", "xllamacpp", "rich"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_name_is_there_and_says_what_it_is() -> None:
    for name in penjing.__all__:
        assert name == "__version__" or getattr(penjing, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'squeeze'"):
        penjing.squeeze  # noqa: B018


def test_a_bundle_says_what_it_kept(made: penjing.Bundle, place: Place) -> None:
    assert made.size == (made.folder / "model.gguf").stat().st_size <= 110_000
    assert made.kld.unit == "nats"
    assert made.kld.low is not None
    assert made.kld.low <= made.kld.value
    assert 0 <= made.same_top.value <= 1
    again = penjing.evaluate(made.folder, place.model, str(place.held), windows=2)
    assert again.find("kld_mean").value > 0
    with pytest.raises(KeyError):
        made.find("beauty")


def test_it_answers(made: penjing.Bundle) -> None:
    with penjing.load(made.folder, context=256) as model:
        whole = model.ask("the sea", settings=SHORT)
        pieces = list(model.stream([Message.of("user", "the sea")], SHORT))
        assert "".join(pieces) == whole
        other = model.ask("the sea", system="a small boat", settings=SHORT)
        assert isinstance(other, str)
        with pytest.raises(BadInput):
            model.ask("the sea was calm " * 200)


def test_methods_are_compared(place: Place) -> None:
    found = penjing.compare(
        place.model, place.folder / "compared", methods=["searched"], sizes=["110KB"],
        effort="light", held_out=str(place.held), text=place.folder / "own.txt",
    )  # fmt: skip
    assert (place.folder / "compared" / "compare.html").exists()
    assert list(found.sizes) == [110_000]
    assert {row.method.name for row in found.rows} == {"searched"}


def test_whether_it_fits(place: Place) -> None:
    assert penjing.fit("smollm2-135m-instruct", device="pi-5-8gb").fits == "yes"
    assert penjing.fit(place.model).ram.total > place.model.stat().st_size


def test_what_cannot_be_is_refused_in_one_line(place: Place) -> None:
    with pytest.raises(BudgetError, match="the smallest is"):
        penjing.compress(
            place.model, place.folder / "no", size=1000, effort="light",
            held_out=str(place.held), text=place.folder / "own.txt",
        )  # fmt: skip
    with pytest.raises(BadInput, match="how small"):
        penjing.compress(place.model, place.folder / "no", held_out=str(place.held))
    with pytest.raises(BadInput, match="there is no"):
        penjing.load("no/such/model.gguf")


def test_the_example_of_the_readme_runs(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(import penjing\n.*?)```", README, re.DOTALL)
    assert len(example.splitlines()) <= 12
    known = {
        '"smollm2-135m-instruct"': repr(str(place.model)),
        '"small"': repr(str(place.folder / "example")),
        '"80MB"': f'"110KB", held_out={str(place.held)!r}',
    }
    for said, here in known.items():
        assert said in example, said
        example = example.replace(said, here)
    exec(compile(example, "README.md", "exec"), {})
    told = capsys.readouterr().out.splitlines()
    assert re.match(r"0\.\d+ nats \(95%: 0\.\d+ to ", told[0])
    assert len(told) >= 2
