"""The state of a training on disk: whole or absent, exact to the bit, nothing pickled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from penjing.core.errors import FormatError
from penjing.core.files import writing
from penjing.core.plain_json import parse_json
from penjing.core.strangers import open_plain
from penjing.workshop.distill.labels import Labels

_NAME = "training.npz"
_LABELS = "labels.npz"


@dataclass
class History:
    """What happened so far."""

    kl: list[float] = field(default_factory=list)
    """Of every step, nats."""
    steps: int | None = None
    """How many there will be, once that is known."""
    before: dict[str, float] | None = None
    """Mean KLD before the first, on windows apart of each domain, nats."""


@dataclass(frozen=True)
class StateFile:
    """Where the state lies; None: nowhere."""

    folder: Path | None
    """Of this training alone."""

    def keep(
        self,
        trained: Mapping[str, torch.Tensor],
        optimizer: torch.optim.Optimizer,
        history: History,
    ) -> None:
        """Write everything that the next step depends on."""
        if self.folder is None:
            return
        arrays = {}
        for name, tensor in trained.items():
            arrays[f"value {name}"] = tensor
            moments = optimizer.state[tensor].items()
            arrays |= {f"{moment} {name}": one for moment, one in moments if one is not None}
        told = json.dumps(asdict(history))
        with writing(self.folder / _NAME) as file:
            np.savez(
                file,
                allow_pickle=False,
                history=np.frombuffer(told.encode(), np.uint8),
                **{name: tensor.detach().cpu().numpy() for name, tensor in arrays.items()},
            )

    def restore(
        self, trained: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer
    ) -> History:
        """Take up what `keep` wrote; an empty history where there is nothing, or half of it."""
        if self.folder is None or not (self.folder / _NAME).exists():
            return History()
        try:
            with (
                open_plain(self.folder / _NAME) as file,
                np.load(file, allow_pickle=False) as archive,
            ):
                told = parse_json(archive["history"].tobytes(), constants=True)
                if {f"value {name}" for name in trained} - set(archive.files):
                    return History()
                for name, tensor in trained.items():
                    self._restore(archive, name, tensor, optimizer)
                return History(**told)
        except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile, FormatError):
            return History()

    def labels(self, text: torch.Tensor, write: Callable[[], Labels]) -> Labels:
        """Soft labels of this text [windows, T]; written where there are none yet."""
        path = None if self.folder is None else self.folder / _LABELS
        windows, length = text.shape
        found = None if path is None else Labels.load(path, windows, length)
        if found is None:
            found = write()
            if path is not None:
                found.save(path)
        return found

    @staticmethod
    def _restore(
        archive: np.lib.npyio.NpzFile,
        name: str,
        tensor: torch.Tensor,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(archive[f"value {name}"]))
        state = {}
        for moment in ("step", "row_var", "col_var", "variance"):
            if f"{moment} {name}" in archive.files:
                value = torch.from_numpy(archive[f"{moment} {name}"])
                state[moment] = value if moment == "step" else value.to(tensor.device)
        optimizer.state[tensor] = state
