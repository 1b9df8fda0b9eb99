"""``groundswell directory`` and ``groundswell policy``: who works here, and by which rules changes are decided."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commandline.database import choose, opened
from commandline.exits import Stopped
from commandline.output import say

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from directory.model import Directory
    from policies.lint import Finding

directory_app = typer.Typer(no_args_is_help=True, help="Load the directory: people, teams, processes.")
policy_app = typer.Typer(no_args_is_help=True, help="Check and publish the governance policy.")

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A policy in YAML.")]


@directory_app.command("import")
def import_directory(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder with people.csv, teams.csv and processes.csv.")
    ],
    check: Annotated[bool, typer.Option("--check", help="Only say what is wrong; load nothing.")] = False,
) -> None:
    """Replace the directory by what is in a folder: all of it, or nothing and every reason why."""
    from directory.importing import read_directory
    from store.database import in_words, writing
    from store.directory import save_directory

    directory = read_directory(folder)
    size = _counted(directory)
    if check:
        say(f"Nothing is wrong: {size}.")
        return
    with opened() as (engine, chosen):
        with writing(engine) as connection:
            save_directory(connection, directory, datetime.now(UTC))
        say(f"Loaded {size} into {in_words(engine)} ({chosen.because}).")


def _counted(directory: Directory) -> str:
    parts = {"people": directory.people, "teams": directory.teams, "processes": directory.processes}
    return ", ".join(f"{len(things)} {what}" for what, things in parts.items())


@policy_app.command()
def publish(
    file: PolicyFile,
    anyway: Annotated[bool, typer.Option("--anyway", help="Publish although changes would get stuck.")] = False,
) -> None:
    """Put a policy in force for changes that begin from now on. Those under way keep the version they began under."""
    from policies.loader import load_policy
    from store.database import in_words, writing
    from store.policies import publish_policy

    policy = load_policy(file)
    with opened() as (engine, chosen):
        findings = _tell(_findings(file, _directory_of(engine)))
        if _some_change_would_be_stuck(findings) and not anyway:
            raise Stopped("Changes would get stuck under this policy, see the errors above. Nothing was published.")
        with writing(engine) as connection:
            published = publish_policy(connection, policy, file.read_text(encoding="utf-8-sig"), datetime.now(UTC))
        what = f"The policy “{policy.name}” version {policy.version}"
        if published:
            say(f"{what} is in force in {in_words(engine)} ({chosen.because}).")
        else:
            say(f"{what} has been published before, with this very content. Nothing was done.")


@policy_app.command()
def show(text: Annotated[bool, typer.Option("--text", help="Print the policy itself.")] = False) -> None:
    """Which policy is in force."""
    from sqlalchemy import select

    from store import tables
    from store.database import reading

    table = tables.policy_version
    with opened() as (engine, _), reading(engine) as connection:
        latest = connection.execute(select(table).order_by(table.c.number.desc()).limit(1)).first()
    if latest is None:
        raise Stopped("No policy is published yet. Publish one with: groundswell policy publish FILE")
    if text:
        print(latest.text, end="")
        return
    say(f"“{latest.name}” version {latest.version}, in force since {latest.published_at.astimezone():%d %b %Y, %H:%M}.")
    say(f"Content hash: {latest.sha256}")


@policy_app.command()
def check(file: PolicyFile) -> None:
    """Say what is wrong with a policy, and what would go wrong later. Uses the directory, where there is one."""
    from settings import load_settings

    with_directory: Directory | None = None
    if choose(load_settings()).exists:
        with opened() as (engine, _):
            with_directory = _directory_of(engine)
    findings = _tell(_findings(file, with_directory))
    if _some_change_would_be_stuck(findings):
        raise Stopped("The policy can be read, but changes would get stuck. See the errors above.")
    say("The policy is fine." if not findings else "Nothing in it would stop a change.")
    if with_directory is None:
        say("No directory is loaded, so nobody looked at whether its gates can be filled.", "dim")


def _directory_of(engine: Engine) -> Directory | None:
    """The directory in the database; none while nothing is loaded."""
    from store.database import reading
    from store.directory import load_directory

    with reading(engine) as connection:
        directory = load_directory(connection)
    return directory if directory.people else None


def _findings(file: Path, directory: Directory | None) -> tuple[Finding, ...]:
    from policies.lint import check as lint
    from policies.loader import load_policy

    return lint(load_policy(file), directory, datetime.now(UTC).date())


def _tell(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    for finding in findings:
        say(str(finding))
    return findings


def _some_change_would_be_stuck(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity == "error" for finding in findings)
