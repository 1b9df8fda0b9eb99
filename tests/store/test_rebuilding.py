"""Tiles that were lost are made again of the records, and only where these are the ones that were signed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, update

from ledger.keys import PinnedKey, SigningKey, generate_key
from store import tables
from store.checkpoints import LedgerDamaged, Sealer, require_whole
from store.database import lock_ledger, reading, writing
from store.ledger import LedgerStopped, append_many, origin_of
from store.rebuilding import Rebuilt, rebuild_tiles
from store.restoring import NotAccepted, accept_restore, restore_state
from store.sinks import FolderSink
from store.verifying import verify_stored
from tests.support.attacks import TILE, Attacker
from tests.support.desk import MONDAY
from tests.support.examples import MANAGER, OWNER
from tests.support.writers import entry

SIZE = 700


@pytest.fixture
def key(engine: Engine) -> SigningKey:
    with reading(engine) as connection:
        return generate_key(origin_of(connection))


@pytest.fixture
def sinks(engine: Engine, key: SigningKey, tmp_path: Path) -> list[FolderSink]:
    """A place outside, of a log of 700 records that were all signed."""
    places = [FolderSink(tmp_path)]
    grow(engine, SIZE)
    assert Sealer(engine, lambda _origin: [key], places).seal() is not None
    return places


def grow(engine: Engine, count: int, name: str = "e") -> None:
    with writing(engine) as connection:
        lock_ledger(connection)
        append_many(connection, [entry(f"{name}/{number}", version=number + 1) for number in range(count)], MONDAY)


def attacked(engine: Engine, key: SigningKey, attack: Callable[[Attacker], object]) -> None:
    with writing(engine) as connection:
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attack(attacker)


def rebuilt(engine: Engine, sinks: list[FolderSink], *keys: SigningKey) -> Rebuilt:
    pinned = [PinnedKey(one.verifier_key) for one in keys]
    return rebuild_tiles(engine, sinks, pinned, "A disk lost them.", OWNER, MANAGER, MONDAY)


def take_tiles_out(it: Attacker) -> None:
    it.connection.execute(delete(TILE))


@pytest.mark.parametrize("by", ["what is held outside", "the key"])
def test_lost_tiles_stop_the_ledger_and_are_made_again(
    engine: Engine, key: SigningKey, sinks: list[FolderSink], by: str
) -> None:
    with reading(engine) as connection:
        before = connection.execute(select(TILE).order_by(TILE.c.level, TILE.c.index)).all()
    attacked(engine, key, take_tiles_out)
    with pytest.raises(LedgerDamaged, match="0 are stored"):
        require_whole(engine, sinks)
    state = restore_state(engine, sinks)
    assert not state.whole
    assert "groundswell audit rebuild-tiles" in " ".join(state.in_words())
    with pytest.raises(NotAccepted, match="rebuild-tiles"):
        accept_restore(engine, sinks, "The disk died.", OWNER, MANAGER, MONDAY)
    with pytest.raises(LedgerStopped):
        grow(engine, 1, "stopped")
    done = rebuilt(engine, sinks) if by == "what is held outside" else rebuilt(engine, [], key)
    assert done == (2, SIZE)
    require_whole(engine, sinks)
    grow(engine, 1, "again")
    with reading(engine) as connection:
        assert connection.execute(select(TILE).order_by(TILE.c.level, TILE.c.index)).all() == before
        report = verify_stored(connection, key.name, [PinnedKey(key.verifier_key)])
        actions = connection.execute(select(tables.ledger_record.c.action).where(tables.ledger_record.c.seq == SIZE))
        assert (report.findings, actions.scalar_one()) == ((), "tiles_rebuilt")


def body_edited(it: Attacker) -> None:
    it.edit(300, lambda body: body.update(command="other"), leaf=True)
    take_tiles_out(it)


def everything_rehashed(it: Attacker) -> None:
    it.edit(300, lambda body: body.update(command="other"), leaf=True)
    it.fix_tree()
    take_tiles_out(it)


def signed_again(it: Attacker) -> None:
    everything_rehashed(it)
    it.sign_again(it.key)


def record_taken_out(it: Attacker) -> None:
    it.remove(tables.ledger_private, tables.ledger_private.c.seq == 300)
    it.remove(tables.ledger_record, tables.ledger_record.c.seq == 300)
    take_tiles_out(it)


def rolled_back(it: Attacker) -> None:
    it.cut(300)
    take_tiles_out(it)


def tile_altered(it: Attacker) -> None:
    it.connection.execute(update(TILE).where(TILE.c.index == 1).values(data=bytes(8192)))


ATTACKS = [body_edited, everything_rehashed, signed_again, record_taken_out, rolled_back, tile_altered]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_was_altered_is_covered_up_by_it(
    engine: Engine, key: SigningKey, sinks: list[FolderSink], attack: Callable[[Attacker], None]
) -> None:
    attacked(engine, key, attack)
    with reading(engine) as connection:
        before = connection.execute(select(TILE.c.root)).all()
    with pytest.raises(NotAccepted):
        rebuilt(engine, sinks, key)
    with reading(engine) as connection:
        assert connection.execute(select(TILE.c.root)).all() == before


def test_without_a_tree_known_from_elsewhere_nothing_is_rebuilt(
    engine: Engine, key: SigningKey, sinks: list[FolderSink]
) -> None:
    attacked(engine, key, take_tiles_out)
    for keys in ([], [generate_key(key.name)]):
        with pytest.raises(NotAccepted, match="nothing says whether the records are those"):
            rebuilt(engine, [], *keys)
    with pytest.raises(NotAccepted, match="Two different people"):
        rebuild_tiles(engine, sinks, [], "Why not.", OWNER, OWNER, MONDAY)
