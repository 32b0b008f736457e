"""How well the intent classifier learns from public data, beside TF-IDF with a linear SVM.

    python benchmarks/intents.py --data DIR                      # all rows but those of e5
    python benchmarks/intents.py --data DIR --e5                 # and a second opinion in 10-shot
    python benchmarks/intents.py --data DIR --only few --seeds 5

DIR holds `clinc150-train-val.json` (train, val, oos_train, oos_val of CLINC150's data_full.json,
Larson et al. 2019, github.com/clinc/oos-eval) and `banking77-train.csv` (Casanueva et al. 2020,
github.com/PolyAI-LDN/task-specific-datasets). Trained on train, judged on validation; of
BANKING77's train a fifth of each intent, seeded, is held out and judged on. Ten shots: ten
sentences of each intent, drawn from train by `random.Random(seed).sample` in the order of the
file, all of oos_train, several seeds, averaged. Everyday sentences of the product are always among
what is out of scope, for both classifiers. TF-IDF is made here, as it is usually made: words and
pairs of words, and letters 2 to 5 within words, then a linear support vector machine; its threshold
is the margin that keeps 97.5% of what is right when a fifth of train is held out.

`argmax`: in scope, the likeliest intent. `kept`: of these, those at least as sure as the learnt
threshold. `refused`: out of scope, less sure. `overall`: right among all, by the threshold.
`ms_median`: of processor time for a sentence.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from penjing.assistant.understand import svm
from penjing.assistant.understand.classifier import ELSEWHERE, Classifier, Sample, trained
from penjing.assistant.understand.elsewhere import SENTENCES
from penjing.assistant.understand.text import tokens_of

Labelled = Sequence[tuple[str, str]]
"""Sentences with their intents, `ELSEWHERE` for none."""
_STILL = 10
"""Times over all samples, after which weights of TF-IDF stand still."""
_LOST = -9.0
"""A margin under all others."""


@dataclass(frozen=True)
class Task:
    """What to learn and what to be judged on."""

    name: str
    train: Labelled
    judged: Labelled


def clinc(folder: Path) -> dict[str, Labelled]:
    """CLINC150 by split, out of scope as `ELSEWHERE`."""
    data = json.loads((folder / "clinc150-train-val.json").read_text("utf-8"))
    return {
        split: [(text, ELSEWHERE if split.startswith("oos") else intent) for text, intent in rows]
        for split, rows in data.items()
    }


def full(folder: Path) -> Task:
    """All of CLINC150."""
    data = clinc(folder)
    train = [*data["train"], *data["oos_train"]]
    return Task("clinc150 full", train, [*data["val"], *data["oos_val"]])


def few(folder: Path, seed: int) -> Task:
    """Ten sentences of each intent."""
    data = clinc(folder)
    draw = random.Random(seed)
    train: list[tuple[str, str]] = []
    for many in _by_intent(data["train"]).values():
        train += draw.sample(many, 10)
    judged = [*data["val"], *data["oos_val"]]
    return Task(f"clinc150 10-shot, seed {seed}", [*train, *data["oos_train"]], judged)


def banking(folder: Path, seed: int = 0) -> Task:
    """BANKING77, a fifth of train held out."""
    with (folder / "banking77-train.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    draw = random.Random(seed)
    train: list[tuple[str, str]] = []
    judged: list[tuple[str, str]] = []
    for _, many in sorted(_by_intent(rows).items()):
        draw.shuffle(many)
        cut = round(len(many) / 5)
        judged += many[:cut]
        train += many[cut:]
    return Task("banking77, a fifth held out", train, judged)


def _by_intent(rows: Labelled) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for text, intent in rows:
        found.setdefault(intent, []).append((text, intent))
    return found


def everyday() -> Labelled:
    """What the product always takes for out of scope."""
    return [(text, ELSEWHERE) for text in SENTENCES["en"]]


def words(text: str) -> tuple[str, ...]:
    """As the product reads them."""
    return tuple(one.text for one in tokens_of(text) if not one.mark)


def judged(
    task: Task, best: Sequence[str], sure: Sequence[float], threshold: float
) -> dict[str, float]:
    """The measures; `best` is the likeliest intent in scope of each sentence."""
    meant = np.array([intent for _, intent in task.judged])
    inside = meant != ELSEWHERE
    right = (np.array(best) == meant) & inside
    believed = np.array(sure) >= threshold
    found = {"argmax": 100 * right.sum() / inside.sum()}
    found["kept"] = 100 * (right & believed).sum() / max(right.sum(), 1)
    if not inside.all():
        found["refused"] = 100 * (~believed & ~inside).sum() / (~inside).sum()
        found["overall"] = 100 * ((right & believed) | (~believed & ~inside)).sum() / len(meant)
    return {name: round(float(value), 2) for name, value in found.items()}


def ours(task: Task, embedder: Any = None) -> dict[str, Any]:
    """The product's classifier."""
    rows = [*task.train, *everyday()]
    samples = [
        Sample(intent, words(text), text, place) for place, (text, intent) in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        classifier = trained(samples, embedder, Path(folder))
        seconds = time.perf_counter() - began
        size = sum(one.stat().st_size for one in Path(folder).iterdir())
    best, sure, took, asked = [], [], [], 0
    for text, _ in task.judged:
        said = words(text)
        began = time.thread_time()
        scores = classifier.scores(said, text)
        took.append(time.thread_time() - began)
        first = next(iter(scores))
        # below what elsewhere has, an intent is not believed, however sure
        inside = next((one for one in scores if one != ELSEWHERE), ELSEWHERE)
        best.append(inside)
        sure.append(-1.0 if first == ELSEWHERE else scores[inside])
        asked += _asks(classifier, said)
    found: dict[str, Any] = judged(task, best, sure, classifier.threshold)
    if embedder is not None:
        found["asked"] = round(100 * asked / len(task.judged), 1)
    return found | {
        "threshold": round(classifier.threshold, 3),
        "ms_median": round(1000 * statistics.median(took), 3),
        "seconds_to_train": round(seconds, 1),
        "file_kb": round(size / 1000),
    }


def _asks(classifier: Classifier, said: Sequence[str]) -> bool:
    """Whether the second opinion is asked."""
    if classifier.second is None:
        return False
    alone = replace(classifier, second=None)
    return max(alone.scores(said, "").values()) < classifier.second.unsure


class Tfidf:
    """Words and pairs of words, and letters 2 to 5 within words and their edges: TF-IDF with
    logarithmic counts and smooth rarity, each of the two parts of length 1, places by dictionary.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [[Counter(part) for part in _terms(text)] for text in texts]
        self._places: list[dict[str, int]] = [{}, {}]
        seen: Counter[tuple[int, str]] = Counter()
        for parts in counts:
            for which, part in enumerate(parts):
                seen.update((which, term) for term in part)
        for which, term in sorted(seen):
            self._places[which][term] = sum(map(len, self._places))
        self._rare = np.zeros(len(seen), dtype=np.float32)
        for (which, term), often in seen.items():
            self._rare[self._places[which][term]] = np.log((1 + len(texts)) / (1 + often)) + 1

    @property
    def columns(self) -> int:
        """Terms and one more that all sentences have."""
        return len(self._rare) + 1

    def row(self, text: str) -> tuple[Any, Any]:
        """Columns and values."""
        places, values = [np.array([len(self._rare)])], [np.ones(1, dtype=np.float32)]
        for known, terms in zip(self._places, _terms(text), strict=True):
            found = [(known[t], 1 + np.log(n)) for t, n in Counter(terms).items() if t in known]
            if found:
                where = np.array([place for place, _ in found])
                weights = np.array([one for _, one in found], dtype=np.float32) * self._rare[where]
                places.append(where)
                values.append(weights / np.linalg.norm(weights))
        return np.concatenate(places), np.concatenate(values)

    def rows(self, texts: Sequence[str], labels: Any) -> svm.Rows:
        """Many, one after the other."""
        every = [self.row(text) for text in texts]
        starts = np.cumsum([0, *(len(places) for places, _ in every)])
        places = np.concatenate([places for places, _ in every])
        return svm.Rows(starts, places, np.concatenate([values for _, values in every]), labels)


def _terms(text: str) -> tuple[list[str], list[str]]:
    plain = text.lower()
    said = re.findall(r"\w\w+", plain)
    letters = []
    for word in plain.split():
        edged = f" {word} "
        for size in range(2, 6):
            letters += [edged[n : n + size] for n in range(max(1, len(edged) - size + 1))]
    return [*said, *(" ".join(two) for two in pairwise(said))], letters


def tfidf(task: Task) -> dict[str, Any]:
    """The usual way: TF-IDF and a linear support vector machine, C 1, until it stands still."""
    rows = [*task.train, *everyday()]
    classes = sorted({intent for _, intent in rows})
    labels = np.array([classes.index(intent) for _, intent in rows])
    began = time.perf_counter()
    terms = Tfidf([text for text, _ in rows])
    features = terms.rows([text for text, _ in rows], labels)
    cost = np.ones(len(rows), dtype=np.float32)
    fold = np.random.default_rng(0).permutation(len(rows)) % 5 == 0
    part = svm.nothing(features, terms.columns, len(classes))
    svm.descend(part, features, cost, _STILL, np.flatnonzero(~fold))
    held_out = svm.scores(part.weights, features, np.flatnonzero(fold))
    best, sure = _margins(classes, held_out)
    meant = np.array(classes)[labels[fold]]
    right = (best == meant) & (meant != ELSEWHERE) & (sure > _LOST)
    threshold = float(np.quantile(sure[right], 0.025))
    whole = svm.nothing(features, terms.columns, len(classes))
    svm.descend(whole, features, cost, _STILL, np.arange(len(rows)))
    seconds = time.perf_counter() - began
    margins, took = [], []
    for text, _ in task.judged:
        started = time.thread_time()
        places, values = terms.row(text)
        margins.append(values @ whole.weights[places])
        took.append(time.thread_time() - started)
    best, sure = _margins(classes, np.stack(margins))
    found: dict[str, Any] = judged(task, list(best), list(sure), threshold)
    return found | {
        "ms_median": round(1000 * statistics.median(took), 3),
        "seconds_to_train": round(seconds, 1),
    }


def _margins(classes: Sequence[str], margins: Any) -> tuple[Any, Any]:
    """The best intent in scope and its margin; less than any where elsewhere has more."""
    names = np.array(classes)
    inside = names != ELSEWHERE
    best = margins[:, inside].max(axis=1)
    lost = (margins[:, ~inside] > best[:, None]).any(axis=1)
    return names[inside][margins[:, inside].argmax(axis=1)], np.where(lost, _LOST, best)


def averaged(many: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Of several seeds."""
    return {name: round(statistics.fmean(one[name] for one in many), 3) for name in many[0]}


class Remembering:
    """Satisfies `Embedder` as far as training needs; no text is embedded twice."""

    def __init__(self, embedder: Any, file: Path | None) -> None:
        self._embedder, self._file = embedder, file
        self.name = embedder.name
        self._known: dict[str, Any] = {}
        if file is not None and file.exists():
            with np.load(file) as kept:
                self._known = dict(zip(kept["texts"].tolist(), kept["vectors"], strict=True))

    def embed(self, texts: Sequence[str], kind: str) -> Any:
        """From memory where it was seen."""
        new = [one for one in dict.fromkeys(texts) if one not in self._known]
        if new:
            self._known.update(zip(new, self._embedder.embed(new, kind), strict=True))
        return np.stack([self._known[one] for one in texts])

    def keep(self) -> None:
        """For the next run."""
        if self._file is not None:
            texts = np.array(list(self._known))
            np.savez(self._file, texts=texts, vectors=np.stack(list(self._known.values())))


def _embedder(file: Path | None) -> Remembering:
    from penjing.app.embedder import open_embedder
    from penjing.core.progress import Silent

    return Remembering(open_embedder(Silent()), file)


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=("full", "few", "banking"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--e5", action="store_true", help="multilingual-e5-small; penjing pull it")
    parser.add_argument("--vectors", type=Path, help="a .npz to keep vectors in between runs")
    args = parser.parse_args()
    document: dict[str, Any] = {}

    def measure(name: str, tasks: Sequence[Task], how: Callable[[Task], Any]) -> None:
        found = [how(task) for task in tasks]
        document[name] = averaged(found)
        print(name, json.dumps(document[name]), flush=True)

    shots = [few(args.data, seed) for seed in range(args.seeds)]
    every = {"full": [full(args.data)], "few": shots, "banking": [banking(args.data)]}
    for name, tasks in every.items():
        if args.only in (None, name):
            measure(f"{name}: ours", tasks, ours)
            measure(f"{name}: tfidf", tasks, tfidf)
    if args.e5 and args.only in (None, "few"):
        embedder = _embedder(args.vectors)
        measure("few: ours with e5", shots, lambda task: ours(task, embedder))
        embedder.keep()
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
