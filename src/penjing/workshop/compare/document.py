"""compare.json: every number of a comparison, and what is needed to take them again."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from penjing import __version__
from penjing.workshop.compare.figure import front
from penjing.workshop.compare.order import FILES_NAME, size_name
from penjing.workshop.compare.outcome import Beside, Comparison, Lead, Result, Row
from penjing.workshop.compare.verdict import Finding, headline, judge, lead_sentence
from penjing.workshop.compress.passport import ENGINE

SCHEMA = 1


def document(found: Comparison) -> dict[str, Any]:
    """The whole of it."""
    start, setting = found.start, found.setting
    edge = _front(found)
    return {
        "schema": SCHEMA,
        "model": start.name,
        "created": setting.created,
        "penjing": __version__,
        "headline": headline(found),
        "baseline": {
            "name": start.name,
            "bytes": start.bytes,
            "sha256": start.sha256,
            "note": start.note,
            "speed": asdict(start.speed),
        },
        "methods": [
            {"name": m.name, "description": m.description, "control_of": m.control_of}
            for m in found.methods
        ],
        "sizes": list(found.sizes),
        "rows": [_row(found, row, row.result.sha256 in edge) for row in found.rows],
        "leads": [_lead(lead) for lead in found.leads],
        "held_out": dict(setting.held_out),
        "text_sha256": setting.text_sha256,
        "effort": setting.effort,
        "seed": setting.seed,
        "runtime": {"engine": ENGINE, "threads": setting.threads},
        "hardware": dict(setting.hardware),
        "seconds": setting.seconds,
        "resumed": setting.resumed,
        "peak_rss_bytes": setting.peak_bytes,
    }


def file_name(found: Comparison, result: Result) -> str:
    """Where a kept model file lies in the comparison's folder."""
    which = (result.method, result.sha256)
    sizes = [row.size for row in found.rows if (row.method.name, row.result.sha256) == which]
    name = size_name(sizes[0]) if sizes else f"control-{result.sha256[:8]}"
    return f"{FILES_NAME}/{result.method}-{name}.gguf"


def _front(found: Comparison) -> set[str]:
    """Hashes of the files no other is both smaller and closer than."""
    made = found.results()
    points = [(result.bytes, result.find("kld_mean").value) for result in made]
    return {made[i].sha256 for i in front(points)}


def _row(found: Comparison, row: Row, on_front: bool) -> dict[str, Any]:
    judgement = judge(row)
    return {
        "method": row.method.name,
        "size": row.size,
        **_result(found, row.result),
        "on_front": on_front,
        "verdict": {"standing": judgement.standing, "words": judgement.words},
        "controls": [
            _control(found, beside, finding)
            for beside, finding in zip(row.controls, judgement.findings, strict=True)
        ],
    }


def _control(found: Comparison, beside: Beside, finding: Finding) -> dict[str, Any]:
    made = _result(found, beside.result)
    made.pop("plan", None)  # the method's own, dealt out anew from the seed
    if beside.above is not None:
        made["measurements"].append(asdict(beside.above))
    verdict = {"standing": finding.standing, "words": finding.sentence}
    return {"control": beside.control.name, **made, "verdict": verdict}


def _result(found: Comparison, result: Result) -> dict[str, Any]:
    if result.impossible:
        return {"impossible": result.impossible}
    kept = file_name(found, result) if found.setting.kept_files else None
    return {
        "bytes": result.bytes,
        "sha256": result.sha256,
        "file": kept,
        "codecs": dict(Counter(result.plan.values()).most_common()),
        "plan": dict(result.plan),
        "training": result.training,
        "measurements": [asdict(item) for item in result.measurements],
        "counted": result.counted,
        "speed": None if result.counted else asdict(found.speeds[result.sha256]),
    }


def _lead(lead: Lead) -> dict[str, Any]:
    return {
        "size": lead.size,
        "first": lead.first.method,
        "others": [{"method": r.method, "above": asdict(above)} for r, above in lead.others],
        "words": lead_sentence(lead),
    }
