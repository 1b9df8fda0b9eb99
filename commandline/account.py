"""Signing in and out on the command line. Several people can be signed in side by side, for trying things out."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from getpass import getpass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from commandline.database import opened
from commandline.exits import WRONG, Stopped
from commandline.output import print_json, say
from commandline.signed_in import As, Json, asking

if TYPE_CHECKING:
    from client.api import Api

DEMONSTRATION_ONLY = (
    "One-time sign-in links exist in the demonstration only. This installation signs people in through your own "
    "identity provider."
)


def sign_in(
    link: Annotated[
        str | None, typer.Argument(metavar="LINK", help="A one-time sign-in link, or the token at its end.")
    ] = None,
    token: Annotated[
        bool,
        typer.Option(
            "--token", help="With an API token instead: asked for, or read from GROUNDSWELL_TOKEN or standard input."
        ),
    ] = False,
    server: Annotated[
        str | None, typer.Option(help="Where Groundswell is, unless LINK says so; else the running demonstration.")
    ] = None,
) -> None:
    """Sign in by a one-time link, or with an API token. The sign-in is kept on this machine, for you alone."""
    if token == (link is not None):
        raise Stopped("Give either a one-time LINK or --token.", WRONG)
    if link is None:
        _with_token(server)
    else:
        _by_link(link, server)


def _with_token(server: str | None) -> None:
    from client.api import Api, Problem
    from commandline.sign_ins import SERVER, SignIn, load, save

    address = (server or os.environ.get(SERVER) or _running_server()).rstrip("/")
    if urlsplit(address).scheme not in {"http", "https"}:
        raise Stopped(f"“{address}” is no address. Write it like https://groundswell.company.example.", WRONG)
    given = _typed_token()

    async def ask() -> Any:
        async with Api(address, given) as api:
            return await api.get("/me")

    try:
        me = asyncio.run(ask())
    except Problem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            raise Stopped(f"{address} does not know this token. It may have expired.", WRONG) from problem
        if problem.status == HTTPStatus.FORBIDDEN:
            detail = f"{address} knows this token, but it is not for people: {problem.detail}"
            raise Stopped(detail, WRONG) from problem
        raise
    save(load().with_one(SignIn(person=me["ref"], name=me["name"], server=address, token=given)))
    say(f"Signed in as {me['name']} ({me['ref']}), {me['title']}, on {address}.")


def _typed_token() -> str:
    """The token; never from the command line, where every program on the machine could read it."""
    from commandline.sign_ins import TOKEN

    given = os.environ.get(TOKEN, "").strip()
    if not given:
        given = (getpass("API token: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not given.isascii() or not given.isprintable() or " " in given or not given:
        raise Stopped("That is no token. A token begins with gw_ and has no blanks.", WRONG)
    return given


def _by_link(link: str, server: str | None) -> None:
    from client.api import Api
    from commandline.sign_ins import SignIn, load, save

    address, token = _address_and_token(link, server)

    async def exchange() -> Any:
        async with Api(address) as api:
            return await api.post("/sign-in", {"token": token})

    made = asyncio.run(exchange())
    person = made["person"]
    save(
        load().with_one(
            SignIn(
                person=person["ref"],
                name=person["name"],
                server=address,
                token=made["token"],
                expires_at=made["expires_at"],
            )
        )
    )
    say(f"Signed in as {person['name']} ({person['ref']}), {person['title']}, on {address}.")


def _address_and_token(link: str, server: str | None) -> tuple[str, str]:
    parts = urlsplit(link)
    if parts.scheme in {"http", "https"} and parts.netloc:
        return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/").rpartition("/")[2]
    if "/" in link:
        raise Stopped(f"“{link}” is neither a sign-in link nor its token. Copy the whole link, from http on.", WRONG)
    return server or _running_server(), link


def _running_server() -> str:
    from demo.place import Place

    running = Place().running()
    if running is None:
        raise Stopped("No demonstration is running here. Give the whole link, or name the server with --server.", WRONG)
    return running.address


def sign_in_link(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Whom it signs in, such as mara.lind.")],
) -> None:
    """Make a one-time sign-in link. Demonstration only: whoever can write its database could be anybody anyway."""
    from demo.preparing import link_url
    from store.database import writing
    from store.readiness import is_demonstration

    with opened() as (engine, chosen), writing(engine) as connection:
        if not chosen.settings.demonstration or not is_demonstration(connection):
            raise Stopped(DEMONSTRATION_ONLY, WRONG)
        known = _active_people(connection)
        if person not in known:
            raise Stopped(f"Nobody active in the directory has the reference “{person}”.", WRONG)
        say(link_url(connection, chosen.address, person, datetime.now(UTC)))


def _active_people(connection: Any) -> set[str]:
    from store.directory import load_directory

    return {ref for ref, person in load_directory(connection).people.items() if person.active}


def whoami(as_person: As = None, as_json: Json = False) -> None:
    """Who you are signed in as, and who else is."""
    from commandline.sign_ins import load, of_environment

    sign_ins = load()
    chosen = (None if as_person else of_environment()) or sign_ins.of(as_person)

    async def question(api: Api) -> Any:
        return await api.get("/me")

    me = asking(as_person, question)
    if as_json:
        print_json(me)
        return
    roles = f", {' and '.join(me['roles'])}" if me["roles"] else ""
    say(f"{me['name']} ({me['ref']}), {me['title']}{roles}, on {chosen.server}.")
    others = sorted(ref for ref in sign_ins.known if ref != chosen.person)
    if others:
        say(f"Also signed in: {', '.join(others)}. Use them with --as PERSON.")


def sign_out(
    as_person: As = None, everybody: Annotated[bool, typer.Option("--all", help="Forget every sign-in.")] = False
) -> None:
    """Forget a sign-in on this machine."""
    from commandline.sign_ins import load, save

    sign_ins = load()
    leaving = sorted(sign_ins.known) if everybody else [sign_ins.of(as_person).person]
    for person in leaving:
        sign_ins = sign_ins.without(person)
    save(sign_ins)
    say(f"Signed out: {', '.join(leaving) or 'nobody was signed in'}.")
    if sign_ins.latest:
        say(f"Now used: {sign_ins.latest}.")
