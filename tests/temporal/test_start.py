"""What a run of a change's workflow carries into the next: little, however long the change has lived."""

from __future__ import annotations

from changes.instruction import Applied, Receipt
from temporal.start import KEYS_CARRIED, Carried


def test_the_newest_keys_travel_and_the_change_stays_with_its_records() -> None:
    applied = {f"key-{number}": Applied(fingerprint=f"{number:064x}") for number in range(KEYS_CARRIED + 50)}
    state = Carried(applied=applied, undelivered=True, ahead=60.0, look_again=("",))
    carried = state.for_the_next_run(("", "CH-7"))
    assert list(carried.applied) == list(applied)[50:]
    assert (carried.change, carried.ahead, carried.undelivered) == (None, 0, True)
    assert carried.look_again == ("", "CH-7"), "what came too late for this run, and nothing that it has seen to"
    assert Carried(applied={}).for_the_next_run(()).applied == {}


def test_it_stays_far_below_what_a_server_takes_as_an_input() -> None:
    words = "It is with the process owner now, who is asked to answer by Monday. " * 3
    receipt = Receipt(change="CH-1", version=9, stage="proposal", phase="open", happened=("commented",), summary=words)
    applied = {f"{'k' * 200}{number}": Applied(fingerprint="f" * 64, receipt=receipt) for number in range(10_000)}
    assert len(Carried(applied=applied).for_the_next_run(()).model_dump_json()) < 512 * 1024
