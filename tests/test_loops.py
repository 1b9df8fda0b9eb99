"""Long-running programs run on the fastest loop there is."""

from __future__ import annotations

import asyncio
import sys

import pytest
import uvloop

from loops import fastest_loop, run_program


async def loop_around() -> type[asyncio.AbstractEventLoop]:
    return type(asyncio.get_running_loop())


def test_a_program_runs_on_libuvs_loop_and_gives_its_result() -> None:
    assert run_program(loop_around()) is uvloop.Loop


def test_where_there_is_none_it_runs_on_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert fastest_loop() is None
    assert issubclass(run_program(loop_around()), asyncio.BaseEventLoop)
