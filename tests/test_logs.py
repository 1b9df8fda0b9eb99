"""What goes into the log, and what does not."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx2
import pytest

from logs import set_up_logs


@pytest.fixture
def set_up(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Logs as a program sets them up, where ``capsys`` sees them, and afterwards as they were."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    set_up_logs("json")
    yield
    root.handlers[:], root.level = before[0], before[1]


@pytest.mark.usefixtures("set_up")
def test_the_password_in_the_address_of_a_place_for_checkpoints_is_not_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200))
    with httpx2.Client(transport=transport) as client:
        client.get("https://groundswell:secret@witness.example/log")
    logging.getLogger("ours").info("said")
    said = capsys.readouterr().err
    assert "said" in said
    assert "secret" not in said


@pytest.mark.usefixtures("set_up")
def test_looking_at_the_schema_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("alembic.runtime.migration").info("Context impl PostgresqlImpl.")
    logging.getLogger("uvicorn.error").info("Started server process")
    said = capsys.readouterr().err
    assert "Started" in said
    assert "Context impl" not in said
