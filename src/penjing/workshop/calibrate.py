"""Calibration text: written by the model itself, seeded, mixed with texts of several domains.

What a chat model meets is chat, so the model is asked many things through its own template and its
prompts and answers become the text (Liu et al. 2023, LLM-QAT, arXiv:2305.17888, section 2.1).
That alone is a narrow text: beside it stand the catalogue's mix, or what the user gives.
Held-out text is never calibration text and must not come here.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path

from penjing.core.errors import BadInput, FormatError, PenjingError
from penjing.core.files import write_text
from penjing.core.messages import GenerationSettings, Message
from penjing.core.plain_json import read_json
from penjing.core.progress import Progress
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.mixture import OWN, Domain, Window, mixed

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
    training: tuple[tuple[int, ...], ...] = ()
    """Windows to round and to train on, domains in turn."""
    apart: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    """By domain, windows that nothing is tuned on: to see whether tuning helps."""

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
            apart = {name: _read_windows(found) for name, found in data.pop("apart").items()}
            windows, training = (_read_windows(data.pop(key)) for key in ("windows", "training"))
            return cls(windows=windows, training=training, apart=apart, **data)
        except (PenjingError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise FormatError(f"{path} is not a saved calibration: delete it") from error


def _read_windows(data: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(map(int, window)) for window in data)


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
    domains: Sequence[Domain] = (),
    own: float = 1.0,
    many: int = 0,
    partial: Path,
    progress: Progress,
) -> Calibration:
    """About `tokens` calibration tokens, and `many` to train on, of `domains` and own writing.

    `own` is the share of what the model writes, half of `tokens` where there are domains.
    `partial` is a file that keeps what was written so far, for a run that is killed. Raises
    BadInput when a domain is shorter than one window.
    """
    pools = {domain.name: _windows_of(model, domain, window) for domain in domains}
    wanted = tokens // 2 if domains else tokens
    written = _cut(_self_written(model, wanted, seed, partial, progress), window)
    shares = {OWN: own} | {domain.name: domain.share for domain in domains}
    few = tokens // window
    made = mixed({OWN: written, **pools}, shares, few=few, many=max(many // window, few))
    mine = window * len(set(made.first) & set(written))
    text = window * len(made.first) - mine
    return Calibration(made.first, mine, text, seed, made.training, made.apart)


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


def _windows_of(model: LlamaCpp, domain: Domain, window: int) -> list[Window]:
    """All windows of a domain's text."""
    ids = model.tokenize(domain.text, bos=False)
    if len(ids) < window:
        raise BadInput(
            f"the calibration text ({domain.name}) has {len(ids)} tokens and at least {window} "
            "are needed: give a longer --text"
        )
    return _cut(ids, window)


def _cut(ids: Sequence[int], window: int) -> list[Window]:
    """Whole windows, each once."""
    cut = (tuple(ids[i : i + window]) for i in range(0, len(ids) - window + 1, window))
    return list(dict.fromkeys(cut))
