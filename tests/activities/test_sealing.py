"""Sealing as the worker does it: a checkpoint, and the age of what is vouched for as a metric."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import MagicMock

import pytest
from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.sealing import SIZE, STOPPED, WITNESSED_AT, WITNESSED_SIZE, SealingActivities
from ledger.keys import generate_key
from store.checkpoints import Sealer
from store.database import writing
from store.sinks import FolderSink
from tests.support.attacks import Attacker
from tests.support.desk import MONDAY, Desk
from tests.support.examples import TO_CHAMPIONS


def test_sealing_tells_how_old_what_is_vouched_for_is(engine: Engine, tmp_path: Path) -> None:
    Desk(engine).walk(TO_CHAMPIONS)
    sealer = Sealer(engine, lambda origin: [generate_key(origin)], [FolderSink(tmp_path)], clock=lambda: MONDAY)
    environment, meter = ActivityEnvironment(), MagicMock()
    environment.metric_meter = MagicMock(with_additional_attributes=lambda _more: meter)
    sealed = environment.run(SealingActivities(sealer).seal_ledger)
    assert sealed.new
    assert told(meter) == {SIZE: sealed.size, STOPPED: 0, WITNESSED_AT: MONDAY.timestamp(), WITNESSED_SIZE: sealed.size}


def test_a_ledger_that_is_stopped_is_told(engine: Engine) -> None:
    Desk(engine).walk(TO_CHAMPIONS)
    with writing(engine) as connection:
        attacker = Attacker(connection, generate_key("a"), generate_key("b"))
        attacker.take_triggers_away()
        attacker.edit(1, lambda body: body.update(command="other"))
    sealer = Sealer(engine, lambda origin: [generate_key(origin)])
    environment, meter = ActivityEnvironment(), MagicMock()
    environment.metric_meter = MagicMock(with_additional_attributes=lambda _more: meter)
    with pytest.raises(ApplicationError, match="Record 1 is missing, or its bytes"):
        environment.run(SealingActivities(sealer).seal_ledger)
    assert told(meter)[STOPPED] == 1


def told(meter: MagicMock) -> dict[str, float]:
    """Each metric and its value."""
    names = [call.args[0] for call in (*meter.create_gauge.call_args_list, *meter.create_gauge_float.call_args_list)]
    values = [call.args[0] for call in meter.create_gauge.return_value.set.call_args_list]
    values += [call.args[0] for call in meter.create_gauge_float.return_value.set.call_args_list]
    return dict(zip(names, values, strict=True))
