"""The alarms for Prometheus that we ship speak of metrics that the worker serves."""

from __future__ import annotations

import re
from pathlib import Path

from ruamel.yaml import YAML

from activities import sealing

ALARMS = Path(__file__).parent.parent.parent / "deploy" / "alarms.yml"
SERVED = {sealing.SIZE, sealing.STOPPED, sealing.WITNESSED_AT, sealing.WITNESSED_SIZE}


def test_each_alarm_has_an_expression_over_our_metrics_and_says_what_is_wrong() -> None:
    rules = [rule for group in YAML(typ="safe").load(ALARMS.read_text())["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in rules} == {
        "GroundswellLedgerStopped",
        "GroundswellLedgerNotWitnessed",
        "GroundswellLedgerNotSealed",
    }
    for rule in rules:
        metrics = set(re.findall(r"groundswell_\w+", rule["expr"]))
        assert metrics and metrics <= SERVED, rule["alert"]
        assert rule["annotations"]["summary"].endswith(".")
