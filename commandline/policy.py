"""``groundswell policy``: by which rules changes are decided, and how those rules are tried out and changed."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commandline.database import choose, opened
from commandline.exits import Stopped
from commandline.output import moment, print_json, print_table, say
from commandline.signed_in import As, Json, asking

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from client.api import Api
    from directory.model import Directory
    from policies.lint import Finding

policy_app = typer.Typer(no_args_is_help=True, help="Check, try out and put forward the governance policy.")

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A policy in YAML.")]


@policy_app.command()
def publish(
    file: PolicyFile,
    anyway: Annotated[bool, typer.Option("--anyway", help="Publish although changes would get stuck.")] = False,
) -> None:
    """Put an installation's first policy in force. Every later one takes force through a change: policy propose."""
    from policies.loader import load_policy
    from store.database import in_words, reading, writing
    from store.policies import publish_policy, published_versions

    policy = load_policy(file)
    with opened() as (engine, chosen):
        with reading(engine) as connection:
            known = published_versions(connection)
        if known and policy.sha256 not in {version.sha256 for version in known}:
            raise Stopped(
                f"“{known[0].name}” version {known[0].version} is in force. The next version takes force through a "
                f"change, which a steward files: groundswell policy propose {file}"
            )
        findings = _tell(file, _findings(file, _directory_of(engine)))
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
    findings = _tell(file, _findings(file, with_directory))
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


def _tell(file: Path, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    from policies.loader import place_in

    text = file.read_text(encoding="utf-8-sig")
    for finding in findings:
        place = place_in(text, finding.path)
        say(f"{file}:{place.line}:{place.column}: {finding}")
    return findings


def _some_change_would_be_stuck(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity == "error" for finding in findings)


@policy_app.command()
def versions(as_json: Json = False) -> None:
    """Every version that is or was in force, and the change that brought it."""
    from store.database import reading
    from store.policies import published_versions

    with opened() as (engine, _), reading(engine) as connection:
        known = published_versions(connection)
    if as_json:
        print_json([version.model_dump(mode="json") for version in known])
        return
    rows = [
        (f"{one.name} {one.version}", moment(one.published_at.isoformat()), one.change or "", one.sha256[:12])
        for one in known
    ]
    print_table(("Version", "In force from", "Brought by", "Content hash"), rows, "No policy is published yet.")


@policy_app.command("try")
def try_out(file: PolicyFile, as_json: Json = False) -> None:
    """Replay the changes on record against a policy, and say whose road would be another one. Stores nothing."""
    from policies.loader import load_policy
    from policies.replay import PastChange, replay
    from store.database import reading
    from store.directory import load_directory
    from store.policies import PolicyCache, changes_on_record

    candidate = load_policy(file)
    with opened() as (engine, _), reading(engine) as connection:
        in_force = PolicyCache().bound(connection, None)
        past = [PastChange.of(change) for change in changes_on_record(connection)]
        found = replay(in_force, candidate, load_directory(connection), past, datetime.now(UTC))
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    say(found.summary)
    if found.differ:
        rows = [(one.change, one.title, "\n".join(one.differences)) for one in found.differ]
        print_table(("Change", "Title", "What would be different"), rows, "")


@policy_app.command()
def propose(
    file: PolicyFile,
    title: Annotated[str, typer.Option(help="A name people will recognise.")],
    problem: Annotated[str, typer.Option(help="What did you see?")],
    suggestion: Annotated[str, typer.Option(help="What does the new version do about it?")],
    process: Annotated[str, typer.Option(help="The process it is mainly about, by its reference.")],
    key: Annotated[str | None, typer.Option(help="Sent again with the same key, it is filed once.")] = None,
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Put a policy forward as a change. Only a steward may; others endorse and sign it, and then it is in force."""
    from policies.loader import load_policy

    load_policy(file)
    content = {
        "text": file.read_text(encoding="utf-8-sig"),
        "title": title,
        "problem": problem,
        "suggestion": suggestion,
        "process": process,
    }
    _file("/policy/proposals", content, key, as_person, as_json)


@policy_app.command()
def proven(
    propose: Annotated[
        str | None, typer.Option(metavar="PROCESS", help="Put forward that this process is authorised beforehand.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Sent again with the same key, it is filed once.")] = None,
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Which processes have proven themselves, with the evidence; a steward can have one authorised beforehand."""
    if propose is not None:
        _file(f"/policy/proven/{propose}/proposals", {}, key, as_person, as_json)
        return

    async def question(api: Api) -> Any:
        return await api.get("/policy/proven")

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            one["process"],
            ", ".join(one["effective"]),
            ", ".join(one["against"]),
            f"groundswell policy proven --propose {one['process']}" if one["often_enough"] else "not often enough yet",
        )
        for one in answer["proven"]
    ]
    print_table(("Process", "Effective", "Not effective", "Authorise beforehand"), rows, "Nothing is proven yet.")


def _file(path: str, content: dict[str, str], key: str | None, as_person: str | None, as_json: bool) -> None:
    """File the change of the policy, and print its receipt."""

    async def question(api: Api) -> Any:
        return await api.post(path, content, {"Idempotency-Key": key or str(uuid.uuid4())})

    receipt = asking(as_person, question)
    if as_json:
        print_json(receipt)
    else:
        say(receipt["summary"])
