"""Signatures in the OpenSSF Model Signing format: ours for their tool, theirs for ours."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penjing.core.errors import BadInput, FormatError, IntegrityError, PenjingError
from penjing.ownership.model_signature import (
    Statement,
    default_place,
    describe,
    read_signature,
    require_same,
    signed,
)
from penjing.ownership.signing_key import make_pair, read_private, read_public

FOREIGN = Path(__file__).parent / "data" / "foreign"
"""Signed by model_signing 1.1.1, `model_signing sign key`."""
TOOL = os.environ.get("PENJING_MODEL_SIGNING")
"""The project's own command, from an environment with model-signing and pyopenssl."""


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Any, Any]:
    make_pair(tmp_path / "mine.pem", None)
    return read_private(tmp_path / "mine.pem", None), read_public(tmp_path / "mine.pem.pub")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shutil.copytree(FOREIGN, tmp_path / "model")
    (tmp_path / "model" / "model.sig").unlink()
    return tmp_path / "model"


def sign(model: Path, private: Any, **provenance: Any) -> Path:
    place = default_place(model)
    found = describe(model, place)
    statement = Statement(found.name, found.files, found.ignored, provenance)
    place.write_text(json.dumps(signed(statement, private)))
    return place


def check(model: Path, public: Any) -> Statement:
    statement = read_signature(default_place(model), public)
    require_same(model, statement, default_place(model))
    return statement


def test_what_their_tool_signed_is_verified(tmp_path: Path) -> None:
    shutil.copytree(FOREIGN, tmp_path / "m")
    public = read_public(FOREIGN.parent / "foreign.pub")
    found = check(tmp_path / "m", public)
    assert found.name == "foreign"
    assert sorted(found.files) == ["deeper/more.txt", "model.gguf", "recipe.yaml"]
    (tmp_path / "m" / "recipe.yaml").write_text('{"a": 2}\n')
    with pytest.raises(IntegrityError, match=r"recipe\.yaml is not the file that was signed"):
        check(tmp_path / "m", public)


@pytest.mark.skipif(TOOL is None, reason="PENJING_MODEL_SIGNING names no model_signing command")
def test_what_we_sign_is_verified_by_their_tool(model: Path, keys: tuple[Any, Any]) -> None:
    private, _ = keys
    assert TOOL is not None
    place = sign(model, private, recipe={"bits": 4}, inputs=[{"name": "m", "sha256": "0" * 64}])
    words = [TOOL, "verify", "key", str(model), "--signature", str(place)]
    words += ["--public_key", str(model.parent / "mine.pem.pub")]

    def verdict() -> str:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert "Verification succeeded" in verdict()
    for change in CHANGES.values():
        shutil.copytree(model, model.parent / "kept")
        change(model)
        assert "Verification failed" in verdict()
        shutil.rmtree(model)
        (model.parent / "kept").rename(model)
    assert "Verification succeeded" in verdict()
    one = model / "model.gguf"
    alone = sign(one, private)
    words[3:6] = [str(one), "--signature", str(alone)]
    assert "Verification succeeded" in verdict()


CHANGES: dict[str, Callable[[Path], Any]] = {
    "recipe": lambda model: (model / "recipe.yaml").write_text("{}"),
    "file": lambda model: (model / "model.gguf").write_bytes(b"GGUF of somebody\n"),
    "name": lambda model: (model / "model.gguf").rename(model / "other.gguf"),
    "missing": lambda model: (model / "deeper" / "more.txt").unlink(),
    "more": lambda model: (model / "deeper" / "new.txt").write_text("x"),
}
GITS: dict[str, Callable[[Path], Any]] = {
    name: lambda model, name=name: put(model / name)
    for name in (".git/evil.py", ".github/x", ".gitignore", ".gitattributes", "sub/.git/x")
}


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


@pytest.mark.parametrize("what", [*CHANGES, *GITS])
def test_what_was_changed_is_one_line(model: Path, keys: tuple[Any, Any], what: str) -> None:
    private, public = keys
    sign(model, private, recipe={"bits": 4})
    assert check(model, public).provenance == {"recipe": {"bits": 4}}
    (CHANGES | GITS)[what](model)
    with pytest.raises(IntegrityError, match="get the model again from whoever signed it"):
        check(model, public)


def test_files_of_git_are_covered_where_they_were_signed(
    model: Path, keys: tuple[Any, Any]
) -> None:
    put(model / ".gitattributes")
    sign(model, keys[0])
    assert ".gitattributes" in check(model, keys[1]).files
    (model / ".gitattributes").write_text("y")
    with pytest.raises(IntegrityError, match=r"\.gitattributes is not the file"):
        check(model, keys[1])


@pytest.mark.parametrize("name", [".git/evil.py", ".github/x", ".gitignore", ".gitattributes"])
def test_nothing_hides_where_a_signature_looks_at_nothing(tmp_path: Path, name: str) -> None:
    shutil.copytree(FOREIGN, tmp_path / "m")
    public = read_public(FOREIGN.parent / "foreign.pub")
    assert ".git" in check(tmp_path / "m", public).ignored
    put(tmp_path / "m" / name)
    with pytest.raises(IntegrityError, match=f"holds '{name}', which its signature leaves out"):
        check(tmp_path / "m", public)


def test_a_copy_of_the_signature_may_lie_elsewhere(tmp_path: Path) -> None:
    shutil.copytree(FOREIGN, tmp_path / "m")
    shutil.copy(FOREIGN / "model.sig", tmp_path / "kept.sig")
    statement = read_signature(tmp_path / "kept.sig", read_public(FOREIGN.parent / "foreign.pub"))
    require_same(tmp_path / "m", statement, tmp_path / "kept.sig")
    (tmp_path / "m" / "model.sig").write_text("other")
    with pytest.raises(IntegrityError, match=r"holds 'model\.sig', which its signature leaves out"):
        require_same(tmp_path / "m", statement, tmp_path / "kept.sig")


def test_no_file_is_no_model(tmp_path: Path, keys: tuple[Any, Any]) -> None:
    empty = tmp_path / "empty"
    (empty / "sub").mkdir(parents=True)
    with pytest.raises(BadInput, match="empty holds no file"):
        sign(empty, keys[0])
    default_place(empty).write_text(json.dumps(signed(Statement("empty", {}), keys[0])))
    with pytest.raises(BadInput, match="empty holds no file"):  # but its signature
        sign(empty, keys[0])
    with pytest.raises(FormatError, match="it covers no file"):
        check(empty, keys[1])


@pytest.mark.parametrize(("name", "shown"), [
    ("ü.txt", "ü.txt"), ("字.txt", "字.txt"), ("a\x1b[2Jb", r"a\x1b[2Jb"), ("a\nb", r"a\nb"),
])  # fmt: skip
def test_names_are_shown_as_they_are(
    model: Path, keys: tuple[Any, Any], name: str, shown: str
) -> None:
    sign(model, keys[0])
    (model / name).write_text("x")
    with pytest.raises(IntegrityError) as caught:
        check(model, keys[1])
    assert f"holds '{shown}', which nobody signed" in str(caught.value)
    sign(model, keys[0])
    (model / name).unlink()
    with pytest.raises(IntegrityError) as caught:
        check(model, keys[1])
    assert f"lacks '{shown}', which was signed" in str(caught.value)


@pytest.mark.parametrize("text", ['{"mediaType": ', "{}", "[]", "", '{"mediaType": 5}'])
def test_the_remedy_is_one_that_a_verifier_has(
    model: Path, keys: tuple[Any, Any], text: str
) -> None:
    default_place(model).write_text(text)
    with pytest.raises(FormatError, match="get it again from whoever signed the model") as caught:
        check(model, keys[1])
    assert "mend" not in str(caught.value)
    assert "sign the model again" not in str(caught.value)


def test_links_are_not_signed(model: Path, keys: tuple[Any, Any]) -> None:
    (model / "link").symlink_to("model.gguf")
    with pytest.raises(FormatError, match="is a link or no file"):
        sign(model, keys[0])


def test_a_folder_may_be_copied_and_called_otherwise(model: Path, keys: tuple[Any, Any]) -> None:
    sign(model, keys[0])
    model.rename(model.parent / "renamed")
    assert check(model.parent / "renamed", keys[1]).name == "model"


def test_a_file_alone(model: Path, keys: tuple[Any, Any]) -> None:
    assert sign(model / "model.gguf", keys[0]).name == "model.gguf.sig"
    assert list(check(model / "model.gguf", keys[1]).files) == ["."]
    (model / "model.gguf").write_text("other")
    with pytest.raises(IntegrityError):
        check(model / "model.gguf", keys[1])


def test_another_key_is_one_line(model: Path, keys: tuple[Any, Any], tmp_path: Path) -> None:
    place = sign(model, keys[0])
    make_pair(tmp_path / "other.pem", None)
    other = read_public(tmp_path / "other.pem.pub")
    with pytest.raises(BadInput, match="by another key"):
        read_signature(place, other)
    document = json.loads(place.read_text())
    document["verificationMaterial"]["publicKey"] = {}  # the hint is only a hint
    place.write_text(json.dumps(document))
    with pytest.raises(IntegrityError, match="was changed, or is by another key"):
        read_signature(place, other)


def test_the_signed_words_cannot_be_changed(model: Path, keys: tuple[Any, Any]) -> None:
    place = sign(model, keys[0])
    document = json.loads(place.read_text())
    payload = base64.b64decode(document["dsseEnvelope"]["payload"])
    changed = payload.replace(b"model.gguf", b"model.gguF")
    document["dsseEnvelope"]["payload"] = base64.b64encode(changed).decode()
    place.write_text(json.dumps(document))
    with pytest.raises(IntegrityError):
        read_signature(place, keys[1])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_odd_signatures_are_one_line(tmp_path: Path, data: st.DataObject) -> None:
    public = read_public(FOREIGN.parent / "foreign.pub")
    text = bytearray((FOREIGN / "model.sig").read_bytes())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[at]))
    (tmp_path / "odd.sig").write_bytes(text)
    with contextlib.suppress(PenjingError):
        found = read_signature(tmp_path / "odd.sig", public)
        # a byte that means nothing: a key id, the empty log
        assert found == read_signature(FOREIGN / "model.sig", public)


@pytest.mark.parametrize("change", [
    {"predicateType": "https://model_signing/Digests/v0.1"}, {"subject": []}, {"predicate": 5},
    {"_type": "x"}, {"predicate": {}}, {"subject": [{"name": "m", "digest": {"sha256": "0"}}]},
])  # fmt: skip
def test_a_signed_oddity_is_one_line(
    model: Path, keys: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    from penjing.ownership import model_signature

    document = model_signature._document
    monkeypatch.setattr(model_signature, "_document", lambda found: document(found) | change)
    place = sign(model, keys[0])
    with pytest.raises(FormatError, match="signs no model that can be checked"):
        read_signature(place, keys[1])
