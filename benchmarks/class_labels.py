"""Does a larger teacher's opinion on unlabelled sentences help the intent classifier?

    python benchmarks/class_labels.py --data DIR [--unlabelled 1500] [--seeds 3] [--vectors F.npz]

DIR as for `intents.py`; CLINC150's 150 intents, ten sentences of each with their label, and
`unlabelled` others of its train without. Teacher: a softmax on multilingual-e5-small's vectors, of
the same ten sentences. Student: a softmax on TF-IDF of words and letters, which needs no embedder
when it runs. Judged on the validation sentences in scope. `pseudo`: the teacher's likeliest class
as a hard label.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from intents import Labelled, Tfidf, _by_intent, _embedder, averaged, clinc

from penjing.assistant.understand.classifier import ELSEWHERE
from penjing.workshop.distill.classes import NONE, ClassLabels, Features, learn, logits

TEMPERATURE = 1.0
ALPHAS = (0.9, 0.5, 0.1)


def features(terms: Tfidf, texts: list[str]) -> Features:
    """Sentences as sparse rows."""
    rows = terms.rows(texts, np.zeros(len(texts), dtype=np.int64))
    return Features(
        torch.from_numpy(np.asarray(rows.starts[:-1])),
        torch.from_numpy(np.asarray(rows.places)),
        torch.from_numpy(np.asarray(rows.values, dtype=np.float32)),
        terms.columns,
    )


def measured(
    data: dict[str, Labelled], embedder: Any, unlabelled: int, seed: int
) -> dict[str, float]:
    """Share right of each way, percent."""
    draw, few, more = random.Random(seed), [], []
    for many in _by_intent(data["train"]).values():
        chosen = draw.sample(many, 10)
        few += chosen
        more += [row for row in many if row not in chosen]
    more = draw.sample(more, unlabelled)
    names = sorted({intent for _, intent in few})
    val = [(text, intent) for text, intent in data["val"] if intent != ELSEWHERE]
    texts = [text for text, _ in (*few, *more)]
    hard = torch.tensor([names.index(intent) for _, intent in few] + [NONE] * len(more))
    meant = torch.tensor([names.index(intent) for _, intent in val])
    vectors = torch.from_numpy(embedder.embed(texts, "query")).float()
    vectors = 10 * (vectors - vectors.mean(0))
    count = len(few)
    teacher = learn(Features.dense(vectors[:count]), ClassLabels(hard[:count]), len(names))
    soft = vectors @ teacher
    terms = Tfidf(texts)
    rows, judged = features(terms, texts), features(terms, [text for text, _ in val])

    def right(labels: ClassLabels, part: Features) -> float:
        said = logits(judged, learn(part, labels, len(names))).argmax(-1)
        return round(100 * float((said == meant).float().mean()), 2)

    pseudo = torch.where(hard == NONE, soft.argmax(-1), hard)
    truth = torch.tensor([names.index(intent) for _, intent in (*few, *more)])
    at = (soft[count:].argmax(-1) == truth[count:]).float().mean()
    few_rows = features(terms, texts[:count])
    found = {
        "teacher_on_unlabelled": round(100 * float(at), 2),
        "hard_ten_shot": right(ClassLabels(hard[:count]), few_rows),
        "pseudo": right(ClassLabels(pseudo), rows),
        "all_labels_true": right(ClassLabels(truth), rows),
    }
    for alpha in ALPHAS:
        found[f"soft_alpha_{alpha}"] = right(ClassLabels(hard, soft, alpha, TEMPERATURE), rows)
    return found


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--unlabelled", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--vectors", type=Path)
    args = parser.parse_args()
    embedder = _embedder(args.vectors)
    found = []
    for seed in range(args.seeds):
        found.append(measured(clinc(args.data), embedder, args.unlabelled, seed))
        embedder.keep()
        print(json.dumps(found[-1]), flush=True)
    print(json.dumps(averaged(found)))


if __name__ == "__main__":
    main()
