"""Reports are plain values that survive JSON and refuse what is no report."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penjing.core.errors import FormatError
from penjing.core.report import Measurement, Report

REPORT = Report(
    model="small",
    baseline=None,
    text="encyclopedia",
    context=512,
    windows=2,
    seed=0,
    engine="fake",
    measurements=(Measurement("kld_max", 1.5, 1.5, None, 510, "nats"),),
)


def test_a_report_survives_json() -> None:
    document = json.loads(json.dumps(REPORT.document()))
    assert document["measurements"][0]["high"] is None
    assert Report.from_document(document) == REPORT


def test_a_measurement_is_found_by_name() -> None:
    assert REPORT.find("kld_max").n == 510
    with pytest.raises(KeyError):
        REPORT.find("kld_min")


@pytest.mark.parametrize(
    "change",
    [
        {"measurements": None},
        {"measurements": [{"metric": "x"}]},
        {"extra": 1},
        {"measurements": [3]},
    ],
)
def test_what_is_no_report_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="not a report"):
        Report.from_document({**REPORT.document(), **change})
    with pytest.raises(FormatError, match="not a report"):
        Report.from_document({})
