"""What the settings say about the ledger, made usable: signing keys, trusted keys, places outside, witnesses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine

from ledger.keys import KeyUnusable, PinnedKey, SigningKey, generate_key, key_from_file, key_from_text, write_key_file
from ledger.note import NoteError
from settings import Settings, SettingsWrong
from store.checkpoints import Sealer
from store.sinks import Sink, SinkUnusable, sinks_from
from store.witnesses import Witness


def signers_of(settings: Settings, origin: str) -> Sequence[SigningKey]:
    """The keys that sign checkpoints of the log ``origin``: its own, and a second one while it is being replaced.

    The demonstration makes its own key where there is none.

    Raises:
        SettingsWrong: there is none, or it cannot be used.
    """
    try:
        if settings.ledger_key:
            first = key_from_text(origin, settings.ledger_key.get_secret_value())
        else:
            first = _from_file(settings, origin)
        second = settings.ledger_second_key_file
        return [first, key_from_file(origin, second)] if second else [first]
    except (KeyUnusable, NoteError) as error:
        raise SettingsWrong(f"The ledger's signing key cannot be used: {error}") from error


def _from_file(settings: Settings, origin: str) -> SigningKey:
    path = settings.ledger_key_path
    if path is None:
        raise KeyUnusable(
            "there is none; make one with `groundswell audit key FILE` and set GROUNDSWELL_LEDGER_KEY_FILE"
        )
    if settings.demonstration and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_key_file(path, generate_key(origin))
        except KeyUnusable:
            if not path.exists():  # another program of the demonstration made it in this moment
                raise
    return key_from_file(origin, path)


def pinned_of(settings: Settings, texts: Sequence[str] = ()) -> Sequence[PinnedKey]:
    """The keys that verification trusts: those given, else those of the settings.

    Raises:
        SettingsWrong: one is malformed.
    """
    try:
        return [PinnedKey.parse(text) for text in texts or _parts(settings.ledger_trusted_keys)]
    except (KeyUnusable, NoteError) as error:
        raise SettingsWrong(f"A trusted key of the ledger is malformed: {error}") from error


def pinned_by_the_demonstration(settings: Settings, origin: str) -> Sequence[PinnedKey]:
    """The demonstration's own key, where it has made one: its file lies beside the database, not in it.

    Enough to see verification at work. In production those who verify are given the key by other ways.
    """
    path = settings.ledger_key_path
    if not settings.demonstration or path is None or not path.exists():
        return []
    return [PinnedKey.parse(signer.vkey) for signer in signers_of(settings, origin)]


def sinks_of(settings: Settings) -> Sequence[Sink]:
    """The places outside the database that keep checkpoints.

    Raises:
        SettingsWrong: one of them is of no known kind.
    """
    try:
        return sinks_from(settings.ledger_checkpoint_places)
    except SinkUnusable as error:
        raise SettingsWrong(f"GROUNDSWELL_LEDGER_CHECKPOINTS: {error}") from error


def witnesses_of(settings: Settings) -> Sequence[Witness]:
    """The witnesses that cosign.

    Raises:
        SettingsWrong: one is malformed.
    """
    try:
        return [Witness.parse(text) for text in _parts(settings.ledger_witnesses)]
    except NoteError as error:
        raise SettingsWrong(f"GROUNDSWELL_LEDGER_WITNESSES: {error}") from error


def sealer_of(settings: Settings, engine: Engine) -> Sealer:
    """Seals the ledger on ``engine`` as the settings say.

    Raises:
        SettingsWrong: they say something that cannot be done.
    """
    return Sealer(engine, lambda origin: signers_of(settings, origin), sinks_of(settings), witnesses_of(settings))


def key_file_warning(path: Path) -> str | None:
    """What is to be said about the permissions of the key file, if anything."""
    from ledger.keys import permission_warning

    return permission_warning(path) if path.exists() else None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[;\n]", text) if part.strip()]
