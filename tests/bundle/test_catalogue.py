"""The catalogue: what ships in it is true, and what is wrong in one is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penjing.bundle.catalogue import (
    SHIPPED,
    Catalogue,
    ModelEntry,
    TextEntry,
    catalogue_of,
    load_catalogue,
)
from penjing.bundle.home import Home
from penjing.bundle.origins import HubSource, LocalSource, PackageSource
from penjing.core.errors import BadInput, UnknownName

MODEL = """
[[model]]
name = "tiny"
title = "Tiny"
architecture = "llama"
template = "chatml"
licence = "Apache-2.0"
parameters = 10
context = 20
file = "tiny.gguf"
sha256 = "{sha}"
bytes = 30
shape = {{ layers = 1, hidden = 2, ffn = 3, heads = 4, kv_heads = 5, head_dim = 6, vocabulary = 7 }}

[[model.source]]
kind = "package"
package = "tiny-model"
version = "1.0"
sha256 = "{sha}"
bytes = 40
member = "tiny_model/tiny.gguf"
""".format(sha="ab" * 32)
HEAD = 'schema = 1\ndefault = "tiny"\n'


def load(tmp_path: Path, text: str) -> Catalogue:
    path = tmp_path / "catalogue.toml"
    path.write_text(text)
    return load_catalogue(path)


def test_every_key_of_a_file_arrives(tmp_path: Path) -> None:
    entry = load(tmp_path, HEAD + MODEL).model("tiny")
    assert (entry.title, entry.parameters, entry.context, entry.bytes) == ("Tiny", 10, 20, 30)
    assert (entry.shape.layers, entry.shape.kv_heads, entry.shape.vocabulary) == (1, 5, 7)
    assert entry.note == ""
    assert entry.sources == (
        PackageSource("tiny-model", "1.0", "ab" * 32, 40, "tiny_model/tiny.gguf"),
    )


def test_sources_keep_their_order(tmp_path: Path) -> None:
    more = '[[model.source]]\nkind = "local"\npath = "~/tiny.gguf"\n'
    sources = load(tmp_path, HEAD + MODEL + more).model("tiny").sources
    assert [type(source) for source in sources] == [PackageSource, LocalSource]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "only schema 1"),
        ('default = "tiny"', 'default = "small"', "'small' is not among"),
        ('default = "tiny"', 'default = "tiny"\nmodle = 1', "unknown 'modle'"),
        ('title = "Tiny"', 'titel = "Tiny"', "'title' is missing"),
        ("context = 20", "context = 20\ncolour = 3", "unknown 'colour'"),
        ("layers = 1", "layers = 1, depth = 2", "unknown 'depth'"),
        ("layers = 1, ", "", "'layers' is missing"),
        ("layers = 1", "layers = 0", "'layers' must be at least 1"),
        ("context = 20", 'context = "20"', "'context' must be a whole number"),
        ("context = 20", "context = true", "'context' must be a whole number"),
        ("context = 20", "context = -20", "'context' must be at least 1"),
        ('name = "tiny"', 'name = "../tiny"', "'name' must be small letters"),
        ('name = "tiny"', 'name = "Tiny"', "'name' must be small letters"),
        ('file = "tiny.gguf"', 'file = "a/tiny.gguf"', "'file' must be a plain file name"),
        ('file = "tiny.gguf"', 'file = "..gguf"', "'file' must be a plain file name"),
        ('"tiny_model/tiny.gguf"', '"../tiny.gguf"', "'member' must be a relative path"),
        ('"tiny_model/tiny.gguf"', '"/etc/passwd"', "'member' must be a relative path"),
        ("abab", "ABAB", "'sha256' must be 64 hexadecimal digits"),
        ('version = "1.0"', 'version = ">=1.0"', "'version' must be an exact version"),
        ('"tiny-model"', '"--index-url=x"', "'package' must be the name of a package"),
        ("bytes = 30\n", "", "needs file, sha256 and bytes"),
        ('file = "tiny.gguf"\n', "", "needs file, sha256 and bytes"),
        ('kind = "package"', 'kind = "web"', "unknown kind of source 'web'"),
        ('kind = "package"', 'kind = "hub"\nrepository = "a/b"', "unknown 'package'"),
        ("[[model.source]]", "[[model.sources]]", "at least one"),
        ('"chatml"', '""', "'template' must not be empty"),
        ("= 1\n", "= \n", "is not a catalogue"),
        ("shape = {", "shape = 3 # {", "shape must be a table"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in HEAD + MODEL
    with pytest.raises((BadInput, UnknownName), match=re.escape(message)) as caught:
        load(tmp_path, (HEAD + MODEL).replace(old, new, 1))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("repository", ["a", "a/b/c", "../b", "a/..", "https://x/y", "a/b c"])
def test_a_repository_is_owner_and_name(repository: str, tmp_path: Path) -> None:
    head, _, _ = MODEL.partition("[[model.source]]")
    head = head.replace('file = "tiny.gguf"', "")
    source = f'[[model.source]]\nkind = "hub"\nrepository = "{repository}"\n'
    with pytest.raises(BadInput, match="OWNER/NAME"):
        load(tmp_path, HEAD + head + source)


def test_a_name_is_used_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'tiny' is used twice"):
        load(tmp_path, HEAD + MODEL + MODEL)


def test_a_missing_or_binary_catalogue_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        load_catalogue(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="is not a catalogue"):
        load_catalogue(tmp_path / "b.toml")


def test_names_suggest_near_ones() -> None:
    catalogue = load_catalogue()
    with pytest.raises(UnknownName, match="did you mean smollm2-135m-instruct"):
        catalogue.model("smolm2-135m-instruct")
    with pytest.raises(UnknownName, match="did you mean encyclopedia"):
        catalogue.text("encyclopaedia")
    with pytest.raises(UnknownName, match="unknown model or text"):
        catalogue.entry("x")


def test_the_shipped_default_is_the_pinned_small_model() -> None:
    catalogue = load_catalogue()
    entry = catalogue.model(catalogue.default)
    assert entry.name == "smollm2-135m-instruct"
    assert isinstance(entry.sources[0], PackageSource)
    assert (entry.parameters, entry.bytes) == (134_515_008, 98_362_432)
    assert "reference" in entry.note


def test_shipped_entries_hold_together() -> None:
    catalogue = load_catalogue()
    assert len(catalogue.models) >= 5
    for entry in [*catalogue.models.values(), *catalogue.texts.values()]:
        assert catalogue.entry(entry.name) is entry
        hub = any(isinstance(source, HubSource) for source in entry.sources)
        assert hub == (entry.sha256 is None), "packages are pinned, hub folders are not"


DECODERS = [one for one in load_catalogue().models.values() if one.architecture != "bert"]


def test_the_shape_makes_the_parameter_count_of_an_encoder() -> None:
    """Biases, two norms a layer, positions and two kinds of token."""
    entry = load_catalogue().model("multilingual-e5-small")
    wide, ffn = entry.shape.hidden, entry.shape.ffn
    layer = 4 * (wide * wide + wide) + 2 * wide * ffn + ffn + wide + 4 * wide
    rows = entry.shape.vocabulary + entry.context + 2
    assert rows * wide + 2 * wide + entry.shape.layers * layer == entry.parameters


@pytest.mark.parametrize("entry", DECODERS, ids=lambda e: e.name)
def test_the_shape_makes_the_parameter_count(entry: ModelEntry) -> None:
    """The matrices of every architecture here, with tied embeddings, from the shape alone."""
    shape = entry.shape
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    layer = 2 * shape.hidden * (queries + keys) + 3 * shape.hidden * shape.ffn
    norms = 2 * shape.hidden
    extra = {
        "llama": 0,
        "qwen2": queries + 2 * keys,  # biases
        "qwen3": 2 * shape.head_dim,  # norms of queries and keys
        "gemma3": 2 * shape.head_dim + 2 * shape.hidden,  # those, and two norms more
    }[entry.architecture]
    apart = entry.name == "qwen2.5-coder-0.5b-instruct"  # its file holds the head once more
    matrices = (1 + apart) * shape.vocabulary * shape.hidden + shape.hidden
    assert matrices + shape.layers * (layer + norms + extra) == entry.parameters


def test_a_persons_own_entries_join(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert catalogue_of(home) == load_catalogue()
    own = tmp_path / "catalogue.toml"
    text = '[[text]]\nname = "diary"\ntitle = "D"\nlicence = "mine"\n'
    source = '[[text.source]]\nkind = "local"\npath = "~/diary.txt"\n'
    own.write_text("schema = 1\n" + text + source + MODEL)
    catalogue = catalogue_of(home)
    assert isinstance(catalogue.entry("diary"), TextEntry)
    assert catalogue.model("tiny").bytes == 30
    assert catalogue.default == load_catalogue().default

    own.write_text("schema = 1\n" + MODEL.replace('"tiny"', '"qwen3-0.6b"'))
    with pytest.raises(BadInput, match=re.escape(str(own))):
        catalogue_of(home)


def test_a_text_does_not_come_from_the_hub(tmp_path: Path) -> None:
    text = '[[text]]\nname = "t"\ntitle = "T"\nlicence = "x"\n'
    source = '[[text.source]]\nkind = "hub"\nrepository = "a/b"\n'
    with pytest.raises(BadInput, match="package or a local path"):
        load(tmp_path, HEAD + MODEL + text + source)


def test_the_mix_has_every_domain_and_not_the_text_that_is_measured_on() -> None:
    catalogue = load_catalogue()
    domains = [entry.domain for entry in catalogue.mix]
    assert domains == ["encyclopaedia", "technical", "code", "dialogue", "Chinese"]
    assert "encyclopedia" not in {entry.name for entry in catalogue.mix}
    assert sum(entry.bytes or 0 for entry in catalogue.mix) < 8e6


def test_domain_and_share_go_together(tmp_path: Path) -> None:
    text = '[[text]]\nname = "t"\ntitle = "T"\nlicence = "x"\ndomain = "mails"\n'
    source = '[[text.source]]\nkind = "local"\npath = "t.txt"\n'
    with pytest.raises(BadInput, match="'domain' and 'share' go together"):
        load(tmp_path, HEAD + MODEL + text + source)
    (mine,) = load(tmp_path, HEAD + MODEL + text + "share = 3\n" + source).mix
    assert (mine.domain, mine.share) == ("mails", 3)


def test_no_registry_is_named() -> None:
    assert "http" not in SHIPPED.read_text()
