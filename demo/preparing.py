"""Making a database ready for the demonstration: schema, organisation, policy, and the mark that says what it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, func, insert, select, update

from changes.values import Moment, Value
from directory.demonstration import FOLDER, PERSONAS
from directory.importing import read_directory
from policies.loader import shipped
from store import tables
from store.database import in_words, reading, writing
from store.directory import save_directory
from store.migrating import migrate
from store.policies import publish_policy
from store.readiness import is_demonstration, mark_demonstration
from store.sign_in import make_link

STORY = "story"
"""The name under which the database keeps how far the story has been told."""


class NotForDemonstration(Exception):
    """The demonstration would damage what is there; the message says what and what to do."""


class StoryTold(Value):
    """When the story began, so that it can be told again with the same words, and whether all of it has been told."""

    began: Moment
    told: bool = False


class SignInLink(Value):
    """A one-time link for one persona."""

    part: str
    """Such as "manager"."""
    person: str
    name: str
    url: str


def prepare(engine: Engine, now: datetime) -> None:
    """Bring the database to the schema; the first time also load the organisation and publish the shipped policy.

    Raises:
        NotForDemonstration: it holds an organisation of its own.
        store.database.DatabaseUnavailable: it cannot be used.
    """
    migrate(engine)
    with writing(engine) as connection:
        if is_demonstration(connection):
            return
        people = connection.execute(select(func.count()).select_from(tables.person)).scalar_one()
        if people:
            raise NotForDemonstration(
                f"{in_words(engine)} holds an organisation of {people} people, and the demonstration would replace it. "
                "Give the demonstration a database of its own: leave DATABASE_URL out, or name an empty one."
            )
        policy, text = shipped()
        save_directory(connection, read_directory(FOLDER), now)
        publish_policy(connection, policy, text, now)
        mark_demonstration(connection)


def story_so_far(engine: Engine) -> StoryTold | None:
    """How far the story has been told here; None when it has not begun."""
    with reading(engine) as connection:
        return _story(connection)


def begin_story(engine: Engine, now: datetime) -> StoryTold:
    """The story's beginning: the one on record, or now. Its words count their days from there."""
    with writing(engine) as connection:
        known = _story(connection)
        if known:
            return known
        begun = StoryTold(began=now)
        connection.execute(insert(tables.deployment).values(name=STORY, value=begun.model_dump_json()))
        return begun


def end_story(engine: Engine, story: StoryTold) -> None:
    """Write down that all of it has been told."""
    table = tables.deployment
    told = story.having(told=True).model_dump_json()
    with writing(engine) as connection:
        connection.execute(update(table).where(table.c.name == STORY).values(value=told))


def sign_in_links(engine: Engine, address: str, now: datetime) -> tuple[SignInLink, ...]:
    """A fresh one-time link for each persona."""
    with writing(engine) as connection:
        people = tables.person.c
        rows = connection.execute(select(people.ref, people.name).where(people.ref.in_(PERSONAS.values())))
        names = {row.ref: row.name for row in rows}
        return tuple(
            SignInLink(part=part, person=person, name=names[person], url=link_url(connection, address, person, now))
            for part, person in PERSONAS.items()
            if person in names
        )


def link_url(connection: Connection, address: str, person: str, now: datetime) -> str:
    """A new one-time sign-in link for ``person``."""
    return f"{address}/sign-in/{make_link(connection, person, now)}"


def _story(connection: Connection) -> StoryTold | None:
    table = tables.deployment
    value = connection.execute(select(table.c.value).where(table.c.name == STORY)).scalar()
    return StoryTold.model_validate_json(value) if value else None
