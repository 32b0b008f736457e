"""Calibration text: written by the model itself, seeded, mixed with the user's own.

What a chat model meets is chat, so the model is asked many things through its own template and its
prompts and answers become the text (Liu et al. 2023, LLM-QAT, arXiv:2305.17888, section 2.1).
Held-out text is never calibration text and must not come here.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

from penjing.core.errors import BadInput, FormatError, PenjingError
from penjing.core.files import write_text
from penjing.core.messages import GenerationSettings, Message
from penjing.core.plain_json import read_json
from penjing.core.progress import Progress
from penjing.engine.llamacpp import LlamaCpp

_MOST_BYTES = 256 * 2**20
_TOGETHER = 8  # answers written side by side
_ANSWER = 160  # tokens an answer may have


@dataclass(frozen=True)
class Calibration:
    """Token windows to calibrate on."""

    windows: tuple[tuple[int, ...], ...]
    """Token ids; each window is at most as long as was asked for."""
    written_by_model: int
    """Tokens the model wrote itself, prompts included."""
    from_text: int
    """Tokens that come from the user's text."""
    seed: int
    """Of the model's writing."""

    @property
    def tokens(self) -> int:
        """All of them."""
        return sum(map(len, self.windows))

    def spread(self, count: int, length: int) -> list[list[int]]:
        """`count` pieces of `length` tokens, evenly over the whole text."""
        flat = [token for window in self.windows for token in window]
        step = max(length, len(flat) // count)
        pieces = [flat[i : i + length] for i in range(0, len(flat) - length + 1, step)]
        return pieces[:count]

    def save(self, path: Path) -> None:
        """As JSON, whole or not at all."""
        write_text(path, json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """What `save` wrote. Raises FormatError for anything else."""
        try:
            data = read_json(path, limit=_MOST_BYTES)
            windows = tuple(tuple(map(int, window)) for window in data.pop("windows"))
            return cls(windows, **data)
        except (PenjingError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise FormatError(f"{path} is not a saved calibration: delete it") from error


def prompts(kind: str) -> list[str]:
    """The questions of `prompts.toml`: "english", "chinese" or "show"."""
    text = resources.files("penjing.workshop").joinpath("prompts.toml").read_text("utf-8")
    found: list[str] = tomllib.loads(text)[kind]
    return found


def calibrate(
    model: LlamaCpp,
    *,
    tokens: int,
    window: int,
    seed: int,
    text: str | None,
    partial: Path,
    progress: Progress,
) -> Calibration:
    """About `tokens` calibration tokens; half of them from `text` where one is given.

    `partial` is a file that keeps what was written so far, for a run that is killed. Raises
    BadInput when `text` is shorter than one window.
    """
    given = _windows_of(model, text, tokens // 2, window) if text is not None else []
    from_text = sum(map(len, given))
    written = _self_written(model, tokens - from_text, seed, partial, progress)
    windows = [*_cut(written, window), *given]
    return Calibration(tuple(map(tuple, windows)), len(written), from_text, seed)


def _self_written(
    model: LlamaCpp, tokens: int, seed: int, partial: Path, progress: Progress
) -> list[int]:
    questions = prompts("english") + (prompts("chinese") if _reads_chinese(model) else [])
    rounds = _read_rounds(partial)
    done = sum(map(len, rounds))
    with progress.task(
        "the model writes its calibration text", max(tokens - done, 0), unit="tokens"
    ) as task:
        while (done := sum(map(len, rounds))) < tokens:
            new = _round(model, questions, len(rounds) * _TOGETHER, seed)
            rounds.append(new)
            write_text(partial, json.dumps(rounds))
            task.advance(min(len(new), tokens - done))
    return [token for each in rounds for token in each][:tokens]


def _round(model: LlamaCpp, questions: Sequence[str], turn: int, seed: int) -> list[int]:
    """Eight questions and the model's answers; the same turn and seed give the same tokens."""
    turns = range(turn, turn + _TOGETHER)
    starts = [question_tokens(model, questions[i % len(questions)]) for i in turns]
    settings = [_as_it_would(seed + i) for i in turns]
    answers = model.write_together(starts, settings)
    return [t for pair in zip(starts, answers, strict=True) for part in pair for t in part]


def _as_it_would(seed: int) -> GenerationSettings:
    """The model's own distribution, its far tail cut: neither sharpened nor penalised."""
    return GenerationSettings(
        max_tokens=_ANSWER, temperature=0.9, top_k=0, top_p=0.95, repeat_penalty=1.0, seed=seed
    )


def _read_rounds(partial: Path) -> list[list[int]]:
    try:
        rounds: list[list[int]] = read_json(partial, limit=_MOST_BYTES)
    except PenjingError:
        return []
    return rounds


def question_tokens(model: LlamaCpp, question: str) -> list[int]:
    """A question as the model's own template puts it; as plain text where it has none."""
    if model.chat_template:
        return model.prompt_tokens([Message.of("user", question)])
    return model.tokenize(f"{question}\n")


def _reads_chinese(model: LlamaCpp) -> bool:
    """A vocabulary with Chinese words needs fewer tokens than there are UTF-8 bytes, by far."""
    text = "请用简单的话解释为什么天空是蓝色的"
    return len(model.tokenize(text, bos=False)) <= len(text)


def _windows_of(model: LlamaCpp, text: str, tokens: int, window: int) -> list[list[int]]:
    """Windows spread evenly over the text, so that its end counts as much as its beginning."""
    ids = model.tokenize(text, bos=False)
    if len(ids) < window:
        raise BadInput(
            f"the calibration text has {len(ids)} tokens and at least {window} are needed: "
            "give a longer --text"
        )
    whole = _cut(ids, window)
    wanted = max(1, tokens // window)
    if len(whole) <= wanted:
        return whole
    return [whole[i * len(whole) // wanted] for i in range(wanted)]


def _cut(ids: Sequence[int], window: int) -> list[list[int]]:
    return [list(ids[i : i + window]) for i in range(0, len(ids) - window + 1, window)]
