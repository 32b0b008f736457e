"""OpenSSF Model Signing: a detached signature over every file of a model, by a key pair.

The format of the project's own tool (`model_signing`, v1.0 predicate): an in-toto statement in a
DSSE envelope in a Sigstore bundle, ECDSA over P-256 with SHA-256. Written and read here, because
that package brings thirty others for what a key pair does not need; a test holds both to each
other. Beside what the format asks for, the predicate carries a `provenance`, which other verifiers
ignore.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, FormatError, IntegrityError
from penjing.core.extras import needed
from penjing.core.files import sha256_file
from penjing.core.plain_json import parse_json, read_json
from penjing.core.strangers import read_errors

SIGNATURE_NAME = "model.sig"
"""Of a bundle's signature, in its folder."""
_MEDIA = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"
_MOST_SIGNATURE = 64 * 2**20
_MOST_FILES = 100_000
_AGAIN = "get it again from whoever signed the model"
_ITSELF = "."
"""How the format names a model that is one file."""


@dataclass(frozen=True)
class Statement:
    """What was signed."""

    name: str
    """What the signer's folder or file was called."""
    files: Mapping[str, str]
    """Every file's sha256, by its path in the folder."""
    ignored: tuple[str, ...] = ()
    """Paths that were not signed."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Recipe, hashes of inputs and versions of tools, where the signer said them."""


def default_place(model: Path) -> Path:
    """Where a model's signature lies unless told otherwise."""
    return model / SIGNATURE_NAME if model.is_dir() else model.with_name(model.name + ".sig")


def describe(
    model: Path, signature: Path, *, on_bytes: Callable[[int], None] | None = None
) -> Statement:
    """Hash every file of a model, a folder or a file, but the signature itself.

    Git's files too, which that project's tool leaves out. BadInput for a folder without any file.
    """
    ignored = tuple(_inside(model, signature)) if model.is_dir() else ()
    files = {name: _sha256(path, on_bytes) for name, path in _files(model, ignored)}
    if not files:
        raise BadInput(f"{model} holds no file: put the model there, then sign it")
    return Statement(model.resolve().name, files, ignored)


def signed(statement: Statement, private: Any) -> dict[str, Any]:
    """The signature, as the document that is written; `private` is an elliptic key."""
    from cryptography.hazmat.primitives.asymmetric import ec

    payload = json.dumps(_document(statement), indent=2, sort_keys=True).encode()
    public = private.public_key()
    signature = private.sign(_pae(payload), ec.ECDSA(_hash_of(public)))
    return {
        "mediaType": _MEDIA,
        "verificationMaterial": {"publicKey": {"hint": hint_of(public)}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": _PAYLOAD,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }


def read_signature(path: Path, public: Any) -> Statement:
    """What a signature says, once it is proven to be by that key.

    BadInput for another key, IntegrityError for a wrong signature, FormatError for what is none.
    """
    document = read_json(path, limit=_MOST_SIGNATURE, remedy=_AGAIN)
    try:
        if document["mediaType"] != _MEDIA:
            raise FormatError("its media type is not that of version 0.3")
        hint = document["verificationMaterial"]["publicKey"].get("hint")
        envelope = document["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        if envelope["payloadType"] != _PAYLOAD:
            raise FormatError("its payload is not an in-toto statement")
    except (KeyError, IndexError, TypeError, AttributeError, binascii.Error) as error:
        raise FormatError(f"{path} is no signature by a key pair: {_AGAIN}") from error
    except FormatError as error:
        raise FormatError(f"{path} is no signature of a model: {error}: {_AGAIN}") from error
    if hint and hint != hint_of(public):
        raise BadInput(f"{path} is by another key: get the public key of whoever signed it")
    _require_signed(path, payload, signature, public)
    try:
        return _statement(parse_json(payload))
    except FormatError as error:
        raise FormatError(f"{path} signs no model that can be checked: {error}") from error


def require_same(
    model: Path,
    statement: Statement,
    signature: Path,
    *,
    on_bytes: Callable[[int], None] | None = None,
) -> None:
    """IntegrityError, naming the first file that is missing, changed, or that nobody signed.

    What the statement leaves out is refused too where something is there, but the signature itself.
    """
    found = dict(_files(model, tuple(_inside(model, signature))))
    remedy = "get the model again from whoever signed it"
    if missing := sorted(statement.files.keys() - found.keys()):
        raise IntegrityError(f"{model} lacks '{missing[0]}', which was signed: {remedy}")
    for extra in sorted(found.keys() - statement.files.keys()):
        if not _is_left_out(extra, statement.ignored):
            raise IntegrityError(f"{model} holds '{extra}', which nobody signed: {remedy}")
        if _sha256(found[extra], None) != _sha256(signature, None):  # no copy of it
            raise IntegrityError(
                f"{model} holds '{extra}', which its signature leaves out: remove it, or {remedy}"
            )
        del found[extra]
    for name, path in found.items():
        if _sha256(path, on_bytes) != statement.files[name]:
            raise IntegrityError(f"{path} is not the file that was signed: {remedy}")


def hint_of(public: Any) -> str:
    """How the format names a public key: the SHA-256 of its PEM, hexadecimal."""
    with needed("signing", "vault"):
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    raw = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(raw).hexdigest()


def _require_signed(path: Path, payload: bytes, signature: bytes, public: Any) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        public.verify(signature, _pae(payload), ec.ECDSA(_hash_of(public)))
    except InvalidSignature as error:
        raise IntegrityError(
            f"{path} was changed, or is by another key: get it again from whoever signed it"
        ) from error


def _pae(payload: bytes) -> bytes:
    """DSSE v1, pre-authentication encoding: what is really signed."""
    return f"DSSEv1 {len(_PAYLOAD)} {_PAYLOAD} {len(payload)} ".encode() + payload


def _hash_of(public: Any) -> Any:
    from cryptography.hazmat.primitives import hashes

    kinds: dict[int, Any] = {256: hashes.SHA256, 384: hashes.SHA384, 521: hashes.SHA512}
    return kinds[public.curve.key_size]()


def _document(statement: Statement) -> dict[str, Any]:
    resources = [
        {"name": name, "algorithm": "sha256", "digest": digest}
        for name, digest in sorted(statement.files.items())
    ]
    predicate: dict[str, Any] = {
        "serialization": {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": list(statement.ignored),
        },
        "resources": resources,
    }
    if statement.provenance:
        predicate["provenance"] = dict(statement.provenance)
    return {
        "_type": _STATEMENT,
        "subject": [{"name": statement.name, "digest": {"sha256": _root(resources)}}],
        "predicateType": _PREDICATE,
        "predicate": predicate,
    }


def _root(resources: list[dict[str, Any]]) -> str:
    """SHA-256 over all digests in their order."""
    return hashlib.sha256(b"".join(bytes.fromhex(r["digest"]) for r in resources)).hexdigest()


def _statement(found: Any) -> Statement:
    """What a proven payload says; FormatError for what this Penjing cannot check."""
    try:
        predicate, (subject,) = found["predicate"], found["subject"]
        how, resources = predicate["serialization"], predicate["resources"]
        kinds = (found["_type"], found["predicateType"], how["method"], how["hash_type"])
        if kinds != (_STATEMENT, _PREDICATE, "files", "sha256") or how["allow_symlinks"] is True:
            raise FormatError(
                "only version 1.0 with SHA-256 of whole files is read: use the project's own tool"
            )
        files = {str(one["name"]): str(one["digest"]) for one in resources}
        same = len(files) == len(resources) and _root(resources) == subject["digest"]["sha256"]
        ignored = tuple(str(each) for each in how.get("ignore_paths", ()))
        name, provenance = str(subject["name"]), predicate.get("provenance", {})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"it is not of the form that it claims: {_AGAIN}") from error
    if not same or any(one["algorithm"] != "sha256" for one in resources):
        raise FormatError(f"its hashes contradict each other: {_AGAIN}")
    if not files:
        raise FormatError("it covers no file: ask whoever signed it for one that does")
    return Statement(name, files, ignored, provenance if isinstance(provenance, dict) else {})


def _inside(model: Path, path: Path) -> Iterator[str]:
    """The path as a folder's own, if it lies in it."""
    if path.resolve().is_relative_to(model.resolve()):
        yield path.resolve().relative_to(model.resolve()).as_posix()


def _is_left_out(name: str, ignored: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}/") for one in ignored)


def _files(model: Path, ignored: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Every file by its name in the folder. FormatError for links and what is no file."""
    if not model.is_dir():
        yield _ITSELF, model
        return
    count = 0
    for path in sorted(model.rglob("*")):
        name = path.relative_to(model).as_posix()
        if _is_left_out(name, ignored):
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise FormatError(f"{path} is a link or no file: only plain files are signed")
        if path.is_file():
            if (count := count + 1) > _MOST_FILES:
                raise FormatError(f"{model} holds more than {_MOST_FILES} files: it is no model")
            yield name, path


def _sha256(path: Path, on_bytes: Callable[[int], None] | None) -> str:
    with read_errors(path):
        return sha256_file(path, on_bytes=on_bytes)
