"""``groundswell audit``: verify, prove, seal, search and take out the ledger. For auditors and operators."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from commandline.database import choose, have_changes_look, opened
from commandline.exits import Stopped
from commandline.filtering import Change, filtered
from commandline.output import console, moment, print_json, print_table, say

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ledger.findings import Report
    from settings import Settings
    from store.audit.questions import Filter
    from store.checkpoints import Sealed, Sealer
    from store.restoring import Accepted
    from store.sinks import Sink
    from store.verifying_change import ChangeReport

app = typer.Typer(
    no_args_is_help=True,
    help="Verify the audit trail, prove it to others, search it and take it out.",
    epilog="Exit codes of verify: 0 in order, 1 tampered with, 2 not verifiable: no key you trust signed it, 3 usage.",
)
USAGE = 3
OPERATOR = "system"
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""What Typer raises for wrong usage of any kind; it has no public name."""


class _Verifying(TyperCommand):
    """A command whose wrong usage ends with 3, because 2 means that nothing could be verified."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        try:
            return super().parse_args(ctx, args)
        except _USAGE_ERROR as error:
            setattr(error, "exit_code", USAGE)  # noqa: B010 - it is declared on the class
            raise


Keys = Annotated[
    list[str] | None, typer.Option("--key", help="A public key you trust, instead of those in the settings.")
]


@app.command(cls=_Verifying)
def verify(
    change: Change = "",
    first: Annotated[int, typer.Option("--from", min=0, help="Only from this record on.")] = 0,
    stop: Annotated[int | None, typer.Option("--to", min=1, help="Only up to this size.")] = None,
    keys: Keys = None,
    checkpoints: Annotated[
        list[Path] | None, typer.Option("--checkpoints", help="A folder with checkpoints kept elsewhere.")
    ] = None,
    tree_only: Annotated[bool, typer.Option("--tree-only", help="Leave columns, forms and words aside.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report for programs.")] = False,
) -> None:
    """Verify everything, a range, or one change, and name the first thing that is wrong."""
    from ledger.layers import external_rows
    from store.database import reading
    from store.keeping import pinned_by_the_demonstration, pinned_of, sinks_of, witnesses_of
    from store.ledger import origin_of
    from store.outside import ask_outside
    from store.sinks import FolderSink, SinkUnusable
    from store.spooling import outside_checkpoints
    from store.verifying import latest_outside, verify_stored, what_is_gone, with_what_is_gone
    from store.verifying_change import verify_change

    with opened() as (engine, chosen):
        pinned = pinned_of(chosen.settings, keys or ())
        sinks = [FolderSink(folder) for folder in checkpoints] if checkpoints else sinks_of(chosen.settings)
        with reading(engine) as connection:
            origin = pinned[0].key.name if pinned else origin_of(connection)
            pinned = pinned or pinned_by_the_demonstration(chosen.settings, origin)
        try:  # before the database is looked at: it grows meanwhile
            asked = ask_outside(engine, sinks)
            newest = list(latest_outside(sinks, origin)) if change else []
            held = external_rows(newest) if change else outside_checkpoints(sinks, origin)
        except SinkUnusable as error:
            raise Stopped(f"{error} Without it, a cut-off end would go unseen.") from error
        if checkpoints and not (held.latest or held.unreadable):
            folders = ", ".join(sink.name for sink in sinks)
            raise Stopped(f"There is no checkpoint of {origin} in {folders}. Is it the folder that was meant?", USAGE)
        if change:
            with reading(engine) as connection:
                about = verify_change(connection, origin, pinned, change, newest)
                about = about.having(what_is_gone(asked, _size(connection)))
            if not about.count and not about.findings:
                raise Stopped(f"Nothing is recorded about a change {change}.", USAGE)
            _tell(about, as_json)
            raise typer.Exit(about.exit_code)
        with reading(engine) as connection:
            total = stop or _size(connection)
            with _progress(total, quiet=as_json) as progress:
                report = verify_stored(
                    connection,
                    origin,
                    pinned,
                    held,
                    witnesses=[witness.key for witness in witnesses_of(chosen.settings)],
                    first=first,
                    stop=stop,
                    contents=not tree_only,
                    progress=progress,
                )
        report = with_what_is_gone(report, asked)
        if not first and not stop and pinned and not tree_only:
            _remember(engine, sinks_of(chosen.settings), report)
    _tell(report, as_json)
    raise typer.Exit(report.exit_code)


def _tell(report: Report | ChangeReport, as_json: bool) -> None:
    if as_json:
        print_json(report.to_mapping())
        return
    for line in report.in_words():
        say(line)


def _remember(engine: Engine, sinks: Sequence[Sink], report: Any) -> None:
    """Have the audit page say when everything was last verified. A ledger that is stopped, or behind its checkpoints
    outside, takes no record."""
    from store.audit.standing import record_verification
    from store.checkpoints import LedgerDamaged, require_whole
    from store.ledger import LedgerStopped

    wrong = f"{report.first.kind} at record {report.first.seq}" if report.first else ""
    if report.exit_code and not wrong:
        wrong = "no checkpoint by a trusted key covers it"
    try:
        require_whole(engine, sinks)
        record_verification(engine, report.size, report.root, wrong, datetime.now(UTC))
    except (LedgerStopped, LedgerDamaged) as stopped:
        console(wrong=True).print(f"This verification is not on record: {stopped}", soft_wrap=True)


@app.command("verify-export", cls=_Verifying)
def verify_export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export as JSON Lines.")], keys: Keys = None
) -> None:
    """Verify an export: each record is in the signed ledger, and no line was changed, taken out, put in or moved."""
    from ledger.export_check import check_json_lines
    from ledger.exports import ExportWrong
    from settings import load_settings
    from store.keeping import pinned_of

    pinned = pinned_of(load_settings(), keys or ())
    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            checked = check_json_lines(lines, pinned)
    except ExportWrong as error:
        say(f"TAMPERED: {error}.")
        raise typer.Exit(1) from error
    for line in checked.in_words():
        say(line)
    raise typer.Exit(checked.exit_code)


@app.command()
def checkpoint() -> None:
    """Sign what is new now, hand it to whoever keeps copies, and print the checkpoint."""
    with _sealing() as (_engine, _settings, sealer):
        sealed = _sealed(sealer)
        print(sealed.note, end="")
        for problem in sealed.problems:
            console(wrong=True).print(problem, soft_wrap=True)


@app.command()
def prove(
    seq: Annotated[int, typer.Argument(metavar="NUMBER", min=0, help="The number of a record.")],
) -> None:
    """Print the proof that a record is in the ledger (C2SP tlog-proof), to be checked by others' tools."""
    from store.bundles import NothingRecorded, proof_of
    from store.database import reading

    with _sealing() as (engine, _settings, sealer):
        sealed = _sealed(sealer)
        try:
            with reading(engine) as connection:
                print(proof_of(connection, seq, sealed), end="")
        except NothingRecorded as error:
            raise Stopped(str(error)) from error


@app.command()
def bundle(
    change: Annotated[str, typer.Argument(metavar="CHANGE", help="The change, such as CH-3.")],
    output: Annotated[Path | None, typer.Option("--output", help="The file to write; CHANGE.bundle.json.")] = None,
) -> None:
    """Write one file that proves a change to somebody who has nothing of ours; offline.py checks it."""
    from ledger.bundle import bundle_bytes
    from store.audit.access import record_access
    from store.audit.questions import Reader
    from store.bundles import NothingRecorded, bundle_of
    from store.database import reading
    from store.keeping import signers_of
    from store.ledger import origin_of

    file = output or Path(f"{change}.bundle.json")
    now = datetime.now(UTC)
    with _sealing() as (engine, settings, sealer):
        record_access(engine, OPERATOR, "bundle_made", {"change": change}, now, "cli")
        sealed = _sealed(sealer)
        try:
            with reading(engine) as connection:
                signers = signers_of(settings, origin_of(connection))
                reader = Reader(OPERATOR, sees_all=True)
                made = bundle_of(connection, change, sealed, signers, reader, now, "groundswell audit bundle")
        except NothingRecorded as error:
            raise Stopped(str(error)) from error
        file.write_bytes(bundle_bytes(made))
    verifier = file.with_name("offline.py")
    if not verifier.exists():
        import ledger.offline

        shutil.copyfile(ledger.offline.__file__, verifier)
    say(f"Wrote {made['count']} records to {file}. Whoever gets it runs: python {verifier.name} {file.name} --key VKEY")
    say(f"Hand them the key by another way: {signers[0].vkey}")


@app.command()
@filtered
def export(
    asked: Filter,
    form: Annotated[str, typer.Option("--format", help="jsonl (evidence), csv, or cloudevents.")] = "jsonl",
    output: Annotated[Path | None, typer.Option("--output", help="The file to write; otherwise it is printed.")] = None,
) -> None:
    """Take records out: as evidence, for a spreadsheet, or for another system. Doing so is recorded."""
    from ledger.exports import ExportWrong, cloud_events, csv_lines, json_lines
    from ledger.tiles import NoSuchTile
    from store.audit.access import record_access
    from store.audit.exporting import exported
    from store.audit.questions import Reader
    from store.database import reading
    from store.keeping import signers_of
    from store.ledger import origin_of
    from store.searching import index_new_words
    from store.tiles import passing_reader

    if form not in ("jsonl", "csv", "cloudevents"):
        raise Stopped(f"There is no format {form}. Choose jsonl, csv or cloudevents.", 2)
    now = datetime.now(UTC)
    with _sealing() as (engine, settings, sealer):
        record_access(engine, OPERATOR, "trail_exported", {**asked.to_mapping(), "format": form}, now, "cli")
        sealed = _sealed(sealer)
        if asked.text:
            index_new_words(engine)
        with reading(engine) as connection:
            origin = origin_of(connection)
            reader, passed = Reader(OPERATOR, sees_all=True), passing_reader(connection, sealed.size)
            records = exported(connection, asked, reader, _names(connection), sealed.size)
            if form == "csv":
                lines = csv_lines(records)
            elif form == "cloudevents":
                lines = cloud_events(origin, records)
            else:
                head = {"log": origin, "filter": asked.to_mapping(), "made_at": now.isoformat()}
                head |= {"checkpoint": sealed.note}
                lines = json_lines(head, records, passed, signers_of(settings, origin))
            try:
                _write(lines, output)
            except (ExportWrong, NoSuchTile) as error:
                raise Stopped(f"Nothing is taken out: {error}. See: groundswell audit verify") from error


def _write(lines: Iterator[str], output: Path | None) -> None:
    if output is None:
        sys.stdout.writelines(lines)
        return
    # Half an export is not left where a whole one belongs. A device or a pipe is written to as it is.
    plain = output.is_file() or not output.exists()
    unfinished = output.with_name(f"{output.name}.unfinished") if plain else output
    try:
        with unfinished.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.writelines(lines)
        if plain:
            unfinished.replace(output)
    finally:
        if plain:
            unfinished.unlink(missing_ok=True)
    say(f"Wrote {output}.")


@app.command()
@filtered
def search(
    asked: Filter,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Records to show.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print for programs.")] = False,
) -> None:
    """Search the trail of all changes, the newest first. Doing so is recorded."""
    from store.audit.access import record_access
    from store.audit.pages import search as search_trail
    from store.audit.questions import Reader
    from store.checkpoints import require_whole
    from store.database import reading
    from store.keeping import sinks_of
    from store.searching import index_new_words

    with opened() as (engine, chosen):
        require_whole(engine, sinks_of(chosen.settings))
        record_access(engine, OPERATOR, "trail_read", asked.to_mapping(), datetime.now(UTC), "cli")
        if asked.text:
            index_new_words(engine)
        with reading(engine) as connection:
            names = _names(connection)
            page = search_trail(connection, asked, Reader(OPERATOR, sees_all=True), names, limit=limit)
    if as_json:
        print_json(page.model_dump(mode="json"))
        return
    rows = [
        (str(one.seq), moment(one.recorded_at.isoformat()), one.change, names.get(one.actor, one.actor), one.sentence)
        for one in page.entries
    ]
    print_table(("No.", "Recorded", "Change", "Who", "What"), rows, "No record fits.")
    if page.following:
        say(f"{page.counted}; narrow it down to see the others.")


@app.command("restore-status")
def restore_status(
    accept: Annotated[bool, typer.Option("--accept", help="Go on with this database as it is.")] = False,
    reason: Annotated[str, typer.Option(help="Why, with --accept.")] = "",
    by: Annotated[str, typer.Option(help="Who accepts it.")] = "",
    confirmed_by: Annotated[str, typer.Option(help="The second person who agrees.")] = "",
) -> None:
    """Say whether this database fits its checkpoints outside, and from where on a restored one is to be witnessed."""
    from store.keeping import sinks_of
    from store.restoring import accept_restore, restore_state

    with opened() as (engine, chosen):
        sinks = sinks_of(chosen.settings)
        state = restore_state(engine, sinks)
        for line in state.in_words():
            say(line)
        if accept:
            accepted = accept_restore(engine, sinks, reason, by, confirmed_by, datetime.now(UTC))
            _tell_accepted(accepted, witnessed=bool(chosen.settings.ledger_witnesses))
        elif not state.whole:
            raise typer.Exit(1)


@app.command("rebuild-tiles")
def rebuild_tiles(
    reason: Annotated[str, typer.Option(help="Why; it stays on record.")],
    by: Annotated[str, typer.Option(help="Who has it done.")],
    confirmed_by: Annotated[str, typer.Option(help="The second person who agrees.")],
    keys: Keys = None,
) -> None:
    """Make the hashes again that proofs are made from, if the records are those of the checkpoints that are trusted."""
    from ledger.keys import PinnedKey
    from ledger.note import VerifierKey
    from store.database import reading
    from store.keeping import pinned_of, signers_of, sinks_of
    from store.ledger import origin_of
    from store.rebuilding import rebuild_tiles

    with opened() as (engine, chosen):
        with reading(engine) as connection:
            origin = origin_of(connection)
        own = [PinnedKey(VerifierKey.parse(signer.vkey)) for signer in signers_of(chosen.settings, origin)]
        pinned = pinned_of(chosen.settings, keys or ()) or own
        done = rebuild_tiles(engine, sinks_of(chosen.settings), pinned, reason, by, confirmed_by, datetime.now(UTC))
    say(f"Made {done.tiles:,} tiles again; the records make the trees that are known from elsewhere. It is on record.")


def _tell_accepted(accepted: Accepted, witnessed: bool) -> None:
    say("Accepted, and recorded. The ledger goes on.")
    if count := len(accepted.put_aside):
        say(f"{count:,} checkpoints that this database does not fit were put aside, and none deleted; also recorded:")
        for place in accepted.put_aside[-5:]:
            say(f"  {place}")
    for one in accepted.left:
        console(wrong=True).print(f"Until this is done, every start stops the ledger again. {one}", soft_wrap=True)
    if witnessed:
        say(
            "A witness never signs two histories: ask whoever runs yours to begin this log anew from that size, and "
            "take it out of GROUNDSWELL_LEDGER_WITNESSES until they have. It stops the ledger again otherwise."
        )


@app.command()
def erase(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="Somebody who is not active any more, or a pseudonym.")
    ],
    reason: Annotated[str, typer.Option(help="Why; it stays on record.")],
    by: Annotated[str, typer.Option(help="Who erases.")],
    confirmed_by: Annotated[str, typer.Option(help="The second person who agrees.")],
) -> None:
    """Erase a person's words and who they were. The ledger still verifies, and says that values were erased."""
    from store.erasing import erase_person

    with _sealing() as (engine, settings, sealer):
        done = erase_person(engine, person, reason, by, confirmed_by, datetime.now(UTC))
        _sealed(sealer)
        at_once = have_changes_look(choose(settings))
    if done.known:
        say(f"Erased {done.values} values in {len(done.changes)} changes. What is left names {done.pseudonym}.")
    else:
        say(f"Nothing here names anybody called {person}: nobody ever was, or they were erased before.")
    say("If they ever spoke without their name, nothing says any more that it was they.")
    for one in done.left:
        console(wrong=True).print(one, soft_wrap=True)
    if done.changes and not at_once:
        say("Temporal does not answer here. When it does, changes under way forget who it was in a quarter of an hour.")
    say("Not reached: backups, Temporal's histories, exports and letters that left. See docs/ledger.md.")
    if done.left:
        raise typer.Exit(1)


@app.command()
def move(
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="An empty database: postgresql://user@host/name")],
) -> None:
    """Copy everything to another database, with every hash as it is, and verify the copy."""
    from store.database import in_words, open_database
    from store.moving import move_everything

    with opened() as (engine, _chosen):
        target = open_database(to)
        try:
            size = move_everything(engine, target, datetime.now(UTC))
        finally:
            target.dispose()
        say(f"Copied everything to {in_words(target)}. Its ledger has {size:,} records and the same tree.")
        say("Stop what runs on the old one, and set DATABASE_URL to the new one.")


@app.command()
def key(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Make a new signing key in this file.")] = None,
) -> None:
    """Make a signing key, or print the public keys of the one that is configured."""
    from ledger.keys import KeyUnusable, generate_key, write_key_file
    from store.keeping import signers_of

    if file is not None:
        try:
            write_key_file(file, generate_key("new"))
        except KeyUnusable as error:
            raise Stopped(f"{error}".capitalize()) from error
        say(f"Wrote a new signing key to {file}. Set GROUNDSWELL_LEDGER_KEY_FILE to it, and keep a copy elsewhere.")
        return
    from store.database import reading
    from store.ledger import origin_of

    with opened() as (engine, chosen):
        with reading(engine) as connection:
            origin = origin_of(connection)
        for signer in signers_of(chosen.settings, origin):
            print(signer.vkey)


@contextmanager
def _sealing() -> Iterator[tuple[Engine, Settings, Sealer]]:
    """For what adds to the ledger: never to one that is behind its checkpoints outside."""
    from store.checkpoints import require_whole
    from store.keeping import sealer_of

    with opened() as (engine, chosen):
        sealer = sealer_of(chosen.settings, engine)
        require_whole(engine, sealer.sinks)
        yield engine, chosen.settings, sealer


def _sealed(sealer: Sealer) -> Sealed:
    sealed = sealer.seal()
    if sealed is None:
        raise Stopped("The ledger is still empty.")
    return sealed


def _size(connection: Any) -> int:
    from store.checkpoints import head_of

    return head_of(connection).size


def _names(connection: Any) -> dict[str, str]:
    from store.directory import load_directory

    directory = load_directory(connection)
    teams = {ref: team.name for ref, team in directory.teams.items()}
    return teams | {ref: person.name for ref, person in directory.people.items()}


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Any]:
    """Shows how far it is, on standard error and only to a terminal."""
    from rich.progress import Progress

    if quiet or not sys.stderr.isatty():
        yield None
        return
    with Progress(console=console(wrong=True), transient=True) as bar:
        task = bar.add_task("Verifying", total=total)
        yield lambda done: bar.update(task, completed=done)
