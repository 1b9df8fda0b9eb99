"""Sealing as the worker does it: a checkpoint, and the age of what is vouched for as a metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from sqlalchemy import Engine
from temporalio.testing import ActivityEnvironment

from activities.sealing import WITNESSED_AT, WITNESSED_SIZE, SealingActivities
from ledger.keys import generate_key
from store.checkpoints import Sealer
from store.sinks import FolderSink
from tests.support.desk import MONDAY, Desk
from tests.support.examples import TO_CHAMPIONS


def test_sealing_tells_how_old_what_is_vouched_for_is(engine: Engine, tmp_path: Path) -> None:
    Desk(engine).walk(TO_CHAMPIONS)
    sealer = Sealer(engine, lambda origin: [generate_key(origin)], [FolderSink(tmp_path)], clock=lambda: MONDAY)
    environment, meter = ActivityEnvironment(), MagicMock()
    environment.metric_meter = MagicMock(with_additional_attributes=lambda _more: meter)
    sealed = environment.run(SealingActivities(sealer).seal_ledger)
    assert sealed.new
    names: list[Any] = [call.args[0] for call in meter.create_gauge_float.call_args_list]
    names += [call.args[0] for call in meter.create_gauge.call_args_list]
    assert names == [WITNESSED_AT, WITNESSED_SIZE]
    meter.create_gauge_float.return_value.set.assert_called_once_with(MONDAY.timestamp())
    meter.create_gauge.return_value.set.assert_called_once_with(sealed.size)
