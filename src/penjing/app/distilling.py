"""A model trained to say what another says, as a GGUF: pruned models are healed so.

The file is a model like any other: `penjing compress` rounds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from penjing.core.errors import BadInput, Cancelled

if TYPE_CHECKING:
    from pathlib import Path

    from penjing.bundle.home import Home
    from penjing.core.progress import Progress
    from penjing.workshop.calibrate import Calibration
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.distill.loss import Objective
    from penjing.workshop.distill.train import TrainingResult
    from penjing.workshop.mixture import Domain

CODECS = ("F16", "BF16", "F32")
"""What weights are stored as: `penjing compress` rounds them."""
ROUNDS = 3
"""How often a student writes anew, where it learns from its own writing."""
_WINDOW = 512
_STATISTICS = 6144
"""Tokens of calibration text, of which the teacher writes a half."""
_TRAINING = 262_144
"""Tokens to train on, where the texts have so many."""
_OWN_SHARE = 2.0
"""Of the teacher's own writing, beside the shares of the catalogue."""
_STUDENT_WINDOWS = 32
"""Of a round, where all of the text is the student's."""
_MINUTES = 10.0


@dataclass(frozen=True)
class Distilling:
    """What is to be learnt, as a person says it."""

    student: str
    """The model that learns: a name of the catalogue, a .gguf file or a Hugging Face folder."""
    teacher: str
    """The model that it learns from; of the same tokens."""
    output: Path
    """The .gguf file to be made."""
    alpha: float = 0.0
    """Share of the cross-entropy with the text itself."""
    temperature: float = 1.0
    """Of the logits that are compared."""
    reverse: float = 0.0
    """Share of the KL term that is KL(student || teacher)."""
    hidden: float = 0.0
    """Weight of the distance of hidden states."""
    attention: float = 0.0
    """Weight of the distance of attention maps."""
    distances: float = 0.0
    """Weight of relations: distances between tokens."""
    angles: float = 0.0
    """Weight of relations: angles between tokens."""
    labels: int = 0
    """Likeliest tokens at each position that the teacher labels once for all; 0: asked anew."""
    on_policy: float = 0.0
    """Share of the text that the student writes itself."""
    text: tuple[str, ...] = ()
    """Texts to train on, names or files; none: the catalogue's mix and the teacher's writing."""
    held_out: str = "encyclopedia"
    """Text that the result is measured on."""
    windows: int = 20
    """Of 512 tokens of that text."""
    minutes: float | None = None
    """Time to train; None: ten."""
    steps: int | None = None
    """Steps to train, in place of a time."""
    codec: str = "F16"
    """What weights are stored as."""
    seed: int = 0
    """Of the order of the windows, and of what is written."""
    threads: int | None = None
    """Cores; None: all."""
    ram: int | None = None
    """Bytes it may take; None: what this machine can spare."""
    overwrite: bool = False
    """Replace the file that is there."""

    def objective(self) -> Objective:
        """What is minimised; BadInput for what no loss is."""
        from penjing.workshop.distill.loss import Objective

        return Objective(
            self.alpha, self.temperature, self.reverse, self.hidden, self.attention,
            self.distances, self.angles,
        )  # fmt: skip


def distil(asked: Distilling, progress: Progress) -> dict[str, Any]:
    """Train, write the file and measure it; the report as plain data.

    A run that was stopped goes on from the last state that was kept, three minutes old at most.
    """
    from hashlib import sha256

    from penjing.bundle.home import Home
    from penjing.evaluation.resumable_folder import slot

    _require(asked)
    home = Home.from_environment()
    key = sha256(repr(asked).encode()).hexdigest()[:16]
    try:
        with ExitStack() as stack, slot(home.work / "distill", key) as folder:
            return _Work(asked, home, progress, folder, stack).run()
    except KeyboardInterrupt as stop:
        raise Cancelled("stopped: the same command goes on from here") from stop


def _require(asked: Distilling) -> None:
    """Raise BadInput for what cannot be done, or where what is there would be lost."""
    from penjing.app.making import require_workshop
    from penjing.core.files import require_new_file

    require_workshop("distill")
    objective = asked.objective()
    if asked.codec not in CODECS:
        raise BadInput(f"what is trained is stored as {' or '.join(CODECS)}: penjing compress "
                       "rounds it")  # fmt: skip
    if not 0 <= asked.on_policy <= 1:
        raise BadInput("the share of the student's own writing is a number from 0 to 1")
    if asked.labels and asked.on_policy:
        raise BadInput("labels are of a text that stays: leave out --labels or --on-policy")
    if asked.labels and asked.temperature != 1:
        raise BadInput("labels are kept at temperature 1: leave out --labels or --temperature")
    if asked.labels and objective.features:
        raise BadInput("labels tell nothing of what lies behind them: leave out --labels or "
                       f"--{' and --'.join(objective.features)}")  # fmt: skip
    require_new_file(asked.output, ".gguf", overwrite=asked.overwrite)


class _Work:
    """One training: both open models, and the text."""

    def __init__(
        self, asked: Distilling, home: Home, progress: Progress, folder: Path, stack: ExitStack
    ) -> None:
        from penjing.app.making import require_memory
        from penjing.workshop.distill.needs import memory_needed
        from penjing.workshop.distill.teacher import require_same_tokens
        from penjing.workshop.forward import require_computable

        self.asked, self.home, self.progress, self.folder = asked, home, progress, folder
        self.stack = stack
        self.student_path, self.student = self._opened(asked.student)
        self.teacher_path, self.teacher = self._opened(asked.teacher)
        for path in (self.student_path, self.teacher_path):
            if asked.output.exists() and asked.output.samefile(path):
                raise BadInput(f"{asked.output} is one of both models: name another file")
        require_same_tokens(self.student, self.teacher)
        require_computable(self.student)
        require_memory(memory_needed(self.student, self.teacher), asked.ram)

    def _opened(self, name: str) -> tuple[Path, Checkpoint]:
        from penjing.app.model_files import as_gguf
        from penjing.bundle.resolve import find_model
        from penjing.workshop.checkpoint import Checkpoint

        path = find_model(name, self.home, progress=self.progress, download=True)
        if path.is_dir():
            path = as_gguf(path, self.home, self.progress, self.stack)
        return path, self.stack.enter_context(Checkpoint.open(path))

    @property
    def made(self) -> Path:
        """The file until it is measured."""
        return self.folder / self.asked.output.name

    def run(self) -> dict[str, Any]:
        """The report; the file takes its name when all is done."""
        from penjing.app.model_files import put_in_place

        report = self._run()
        put_in_place(self.made, self.asked.output)
        return report

    def _run(self) -> dict[str, Any]:
        calibration = self._calibration(self.teacher_path, "text", self._domains(), _TRAINING)
        before = self._quality(self.student_path)
        made = self._rounds(calibration)
        return {
            "student": self.asked.student,
            "teacher": self.asked.teacher,
            "output": str(self.asked.output),
            "objective": asdict(self.asked.objective()),
            "labels": self.asked.labels,
            "on_policy": self.asked.on_policy,
            "steps": sum(each.steps for each in made),
            "kl": [value for each in made for value in each.kl],
            "domains": _domains(made),
            "quality": {"before": before, "after": self._quality(self.made)},
        }

    # -- the text

    def _domains(self) -> Sequence[Domain]:
        from penjing.app.calibration_mix import mix
        from penjing.bundle.resolve import find_text
        from penjing.workshop.mixture import Domain

        def found(name: str) -> str:
            return find_text(name, self.home, progress=self.progress, download=True).text

        if self.asked.text:
            return [Domain(name, found(name), 1.0) for name in dict.fromkeys(self.asked.text)]
        return mix(self.home, found(self.asked.held_out), self.progress)

    def _calibration(
        self, writer: Path, name: str, domains: Sequence[Domain], tokens: int
    ) -> Calibration:
        """Windows to train on, the writer's own among them; kept for a run that goes on."""
        from penjing.engine.llamacpp import LlamaCpp
        from penjing.workshop.calibrate import Calibration, calibrate
        from penjing.workshop.compress.work import keep

        def write(path: Path) -> Calibration:
            with LlamaCpp.open(writer, threads=self.asked.threads) as model:
                made = calibrate(
                    model,
                    tokens=_STATISTICS if domains else tokens,
                    window=_WINDOW,
                    seed=self.asked.seed,
                    domains=domains,
                    own=1.0 if self.asked.text else _OWN_SHARE,
                    many=tokens,
                    partial=self.folder / f"{name}-written.json",
                    progress=self.progress,
                )
            made.save(path)
            return made

        return keep(self.folder / f"{name}.json", Calibration.load, write)

    # -- the training

    def _rounds(self, calibration: Calibration) -> list[TrainingResult]:
        from penjing.workshop.checkpoint import Checkpoint

        made, now, path = [], self.student, self.student_path
        rounds = ROUNDS if self.asked.on_policy else 1
        for number in range(rounds):
            text = self._mixed(calibration, path, number)
            made.append(self._trained(now, text, calibration, number, rounds))
            last = number + 1 == rounds
            path = self.made if last else self.folder / f"round-{number}.gguf"
            self._export(now, made[-1], path)
            if not last:
                now = self.stack.enter_context(Checkpoint.open(path))
        return made

    def _mixed(
        self, calibration: Calibration, student: Path, number: int
    ) -> Sequence[Sequence[int]]:
        """The text of a round: a share of it by the student as it is now."""
        share, windows = self.asked.on_policy, list(calibration.training)
        if not share:
            return windows
        wanted = max(1, round(_STUDENT_WINDOWS * share))
        own = self._calibration(student, f"own-{number}", (), wanted * _WINDOW)
        mine = [*own.windows, *own.training][:wanted]
        return [*mine, *windows[: round(len(mine) * (1 - share) / share)]]

    def _trained(
        self,
        now: Checkpoint,
        text: Sequence[Sequence[int]],
        calibration: Calibration,
        number: int,
        rounds: int,
    ) -> TrainingResult:
        from penjing.workshop.arithmetic import best_device, fast_dtype
        from penjing.workshop.compress.short_type import short_type
        from penjing.workshop.distill.models import StoredWeights
        from penjing.workshop.distill.schedule import Schedule
        from penjing.workshop.distill.state import StateFile
        from penjing.workshop.distill.train import distill
        from penjing.workshop.export.gguf import plan_for

        asked, device = self.asked, best_device()
        steps = None if asked.steps is None else _part(asked.steps, number, rounds)
        on_cpu = device.type == "cpu"
        return distill(
            now,
            plan_for(now, asked.codec),
            StoredWeights(now),
            text,
            Schedule(
                seconds=60 * (asked.minutes or _MINUTES) / rounds,
                steps=steps,
                seed=asked.seed + number,
                labels=asked.labels,
                objective=asked.objective(),
            ),
            apart=calibration.apart,
            saved=StateFile(self.folder / f"state-{number}"),
            device=device,
            dtype=short_type(self.home.work / "measured") if on_cpu else fast_dtype(device),
            progress=self.progress,
            of=self.teacher,
            floats=True,
        )

    def _export(self, now: Checkpoint, made: TrainingResult, path: Path) -> None:
        from penjing.workshop.export.gguf import export_gguf, plan_for

        export_gguf(
            now, path, plan_for(now, self.asked.codec), progress=self.progress,
            encoded=lambda name, _: made.tensors.get(name),
        )  # fmt: skip

    # -- what it is measured with

    def _quality(self, path: Path) -> Mapping[str, Any]:
        """What a file keeps of the teacher, read by the engine."""
        from penjing.app.evaluating import evaluate

        asked = self.asked
        return evaluate(
            path,
            self.teacher_path,
            asked.held_out,
            windows=asked.windows,
            seed=asked.seed,
            threads=asked.threads,
            progress=self.progress,
        ).document()


def _part(steps: int, number: int, rounds: int) -> int:
    """Of so many steps those of one round."""
    return steps * (number + 1) // rounds - steps * number // rounds


def _domains(made: Sequence[TrainingResult]) -> dict[str, list[float]]:
    """KLD from the teacher by kind of text, before the first step and after the last."""
    after = {name: pair[1] for name, pair in made[-1].domains.items()}
    return {name: [pair[0], after[name]] for name, pair in made[0].domains.items()}
