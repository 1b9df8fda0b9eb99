"""The audit trail over pages and the interface: who sees what, pages that do not shift, and other people's tools."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select, text

from benchmarks.measuring import statements
from changes.any_moment import AddComment
from changes.recruiting import AcceptInvitation, DeclareInterest, DeclineInvitation, Invite, Nominate
from ledger import offline
from ledger.canonical import parse_canonical
from ledger.checkpoint import open_checkpoint, read_checkpoint
from ledger.export_check import check_json_lines
from ledger.keys import PinnedKey, generate_key
from ledger.merkle import leaf_hash, root_of
from ledger.note import VerifierKey
from ledger.tiles import entries_path, parse_entry_bundle, tile_addresses
from store import tables
from store.database import lock_ledger, reading, writing
from store.keeping import sealer_of, signers_of
from store.ledger import append_many, number_of, origin_of
from store.stopping import stopped_because
from tests.support.attacks import Attacker
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY, Desk
from tests.support.examples import TO_CHAMPIONS, TO_ROLLOUT
from tests.support.ledgers import check_the_whole_ledger
from tests.support.writers import entry
from tests.web.office import MARA, Office, Page
from tests.web.situations import ARJUN
from tests.web.test_pages import sound
from web import application

AUDITOR, EXECUTIVE = "arjun.mehta", "ingrid.halvorsen"


def walked(office: Office) -> Desk:
    return Desk(office.engine).walk(TO_CHAMPIONS)


async def test_the_page_shows_filters_and_how_the_ledger_stands(office: Office) -> None:
    walked(office)
    sealer_of(office.settings, office.engine).seal()
    async with office.browser(AUDITOR) as browser:
        everything = Page(await browser.get("/audit"))
        filtered = Page(await browser.get("/audit", params={"kind": "endorsed", "stage": "testing"}))
        odd = await browser.get("/audit", params={"since": "not a day", "stage": "nowhere", "text": '" OR NEAR* col:'})
    assert "endorsed the tests" in everything.text
    assert "Signed to record" in " ".join(everything.text.split()) or "to record 15 of" in everything.text
    assert "2 records fit" in filtered.text
    assert "submitted" not in filtered.text.partition("records fit")[2]
    assert odd.status_code == 200


async def test_a_page_asks_the_database_few_questions(office: Office) -> None:
    walked(office)
    async with office.browser(AUDITOR) as browser:
        address = "/audit?stage=testing&person=mara.lind&since=2026-01-01"
        await browser.get(address)
        with statements(office.engine) as asked:
            answer = await browser.get(address)
    assert answer.status_code == 200
    assert len(asked) <= 5, asked


async def test_pages_do_not_shift_while_records_are_added(office: Office) -> None:
    desk = walked(office)
    async with office.program(AUDITOR) as program:
        first = (await program.get("/api/v1/audit", params={"change": "CH-1", "limit": 5})).json()
        desk.walk(TO_ROLLOUT[len(TO_CHAMPIONS) :])
        seen, cursor = [entry["seq"] for entry in first["entries"]], first["following"]
        while cursor:
            page = (await program.get("/api/v1/audit", params={"change": "CH-1", "limit": 5, "cursor": cursor})).json()
            seen += [entry["seq"] for entry in page["entries"]]
            cursor = page["following"]
        assert seen == sorted(seen, reverse=True)
        assert seen == list(range(first["entries"][0]["seq"], -1, -1))
        for damaged in ("", "x", "WzEsMl0", "bnVsbA==", "WzEsIDIsIDNd", "Wy0xLCAtMV0="):
            answer = await program.get("/api/v1/audit", params={"cursor": damaged or "%"})
            assert answer.status_code == 400, damaged


async def test_hostile_filters_find_nothing_and_break_nothing(office: Office) -> None:
    walked(office)
    hostile = ["'; DROP TABLE ledger_record; --", "%", "_", "\\", '"', "* NEAR(", "text:", "\u202e", "ﬀ", "a" * 60]
    async with office.program(AUDITOR) as program:
        for text in hostile:
            for name in ("change", "person", "kind", "outcome", "text"):
                answer = await program.get("/api/v1/audit", params={name: text[:16] if name == "outcome" else text})
                assert answer.status_code == 200, (name, text, answer.text)
                assert answer.json()["entries"] == [] or name == "text", (name, text)
    with reading(office.engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.ledger_record)).scalar_one() > 15


DAVID = "david.brueckner"


def quietly(office: Office) -> tuple[Desk, set[int]]:
    """A change on which David votes, says how interested he is, says no, is refused a yes, and speaks openly as well;
    the numbers of the records that nobody else may know of."""
    desk = walked(office)
    desk.give(DAVID, AddComment(about="works", text="I like the idea"))
    desk.give(DAVID, Nominate(person="hoa.nguyen"))
    desk.give(DAVID, DeclareInterest(level="keen"))
    desk.give(MARA, Invite(people=(DAVID,)))
    desk.give(DAVID, DeclineInvitation())
    desk.refused(DAVID, AcceptInvitation())
    with reading(office.engine) as connection:
        table = tables.ledger_record.c
        kinds = ("nominated", "interest_declared", "invitation_declined", "accept_invitation")
        seqs = set(connection.execute(select(table.seq).where(table.action.in_(kinds))).scalars())
    assert len(seqs) == 4
    return desk, seqs


async def test_who_voted_is_for_auditors_and_for_themselves(office: Office) -> None:
    _, quiet = quietly(office)
    async with office.program(AUDITOR) as program:
        for asked, fitting in (({"kind": "nominated"}, 1), ({"person": DAVID}, 5), ({"outcome": "refused"}, 1)):
            found = (await program.get("/api/v1/audit", params={"change": "CH-1", **asked})).json()["entries"]
            assert [entry["actor"] for entry in found] == [DAVID] * fitting
    async with office.program(EXECUTIVE) as program:
        everything = (await program.get("/api/v1/audit", params={"change": "CH-1"})).json()
    told = {entry["seq"]: entry for entry in everything["entries"]}
    for seq in quiet:
        assert told[seq].pop("leaf_hash")
        moments = [told[seq].pop(name) for name in ("recorded_at", "occurred_at")]
        assert all(moment.endswith(":00:00Z") for moment in moments)
        assert told[seq].pop("sentence") == told[seq].pop("withheld")
        assert told[seq].pop("seq") == seq
        assert set(told[seq].values()) == {""}, "one tells no more than the other"
    async with office.program(MARA) as program:
        assert (await program.get("/api/v1/audit")).status_code == 403


@pytest.mark.parametrize(
    "asked",
    [
        {"person": DAVID},
        {"kind": "nominated"},
        {"kind": "interest_declared"},
        {"kind": "invitation_declined"},
        {"kind": "accept_invitation"},
        {"stage": "champions"},
        {"outcome": "refused"},
        {"outcome": "applied"},
        {"text": "hoa.nguyen"},
        {"text": "keen"},
        {"person": DAVID, "text": "david"},
    ],
    ids=str,
)
async def test_no_filter_finds_for_others_what_is_withheld(office: Office, asked: dict[str, str]) -> None:
    """Neither does it count it, nor lead to a page more because of it, nor export it."""
    desk, quiet = quietly(office)
    desk.give(EXECUTIVE, DeclareInterest(level="keen"))
    own = desk.state.version if desk.state else 0  # the refusal is a record more
    async with office.program(EXECUTIVE) as program:
        found = (await program.get("/api/v1/audit", params={"change": "CH-1", **asked})).json()
        pages = await all_pages(program, {"change": "CH-1", **asked})
    seqs = {entry["seq"] for entry in found["entries"]}
    assert not seqs & quiet
    assert {entry["seq"] for entry in pages} == seqs
    assert found["count"] == len(seqs)
    finding_their_own = (
        {"kind": "interest_declared"},
        {"stage": "champions"},
        {"outcome": "applied"},
        {"text": "keen"},
    )
    assert (own in seqs) == (asked in finding_their_own)


async def all_pages(program: httpx2.AsyncClient, asked: dict[str, str]) -> list[dict[str, object]]:
    """The entries of all pages, read one by one."""
    entries: list[dict[str, object]] = []
    following: str | None = ""
    while following is not None:
        cursor = {"cursor": following} if following else {}
        page = (await program.get("/api/v1/audit", params={**asked, "limit": "1", **cursor})).json()
        entries += page["entries"]
        following = page["following"]
    return entries


async def test_the_record_behind_what_is_withheld_is_proven_and_does_not_name_its_number(office: Office) -> None:
    _, quiet = quietly(office)
    sealer_of(office.settings, office.engine).seal()
    with reading(office.engine) as connection:
        number = number_of(connection, DAVID)
    async with office.browser(EXECUTIVE) as browser:
        listed = Page(await browser.get("/audit", params={"change": "CH-1"}))
        shown = [Page(await browser.get(f"/audit/records/{seq}")) for seq in sorted(quiet)]
    assert listed.text.count("What this record says is withheld from you") == len(quiet)
    for page in shown:
        assert "proven just now" in page.text
        assert "withheld from you" in page.text
        assert not [told for told in (number, DAVID, "David", "CH-1", "nominat") if told in page.html]
    async with office.browser(DAVID) as browser:
        assert (await browser.get(f"/audit/records/{min(quiet)}")).status_code == 403


async def test_a_bundle_for_others_proves_what_it_withholds(office: Office) -> None:
    _, quiet = quietly(office)
    with reading(office.engine) as connection:
        key = signers_of(office.settings, origin_of(connection))[0].vkey
        number = number_of(connection, DAVID)
    bundles = {}
    for person in (AUDITOR, EXECUTIVE):
        async with office.program(person) as program:
            bundles[person] = (await program.get("/api/v1/audit/bundles/CH-1")).json()
    keys = [offline.Key.parse(key, offline.LOG_KEY)]
    for bundle in bundles.values():
        verdict = offline.verify_bundle(bundle, keys)
        assert (verdict.problems, verdict.exit_code) == ([], 0)
    assert not [fact for fact in offline.verify_bundle(bundles[AUDITOR], keys).facts if "Withheld" in fact]
    verdict = offline.verify_bundle(bundles[EXECUTIVE], keys)
    assert [fact for fact in verdict.facts if fact.startswith("Withheld: 4 of them")]
    by_seq = {entry["seq"]: entry for entry in bundles[EXECUTIVE]["records"]}
    assert bundles[EXECUTIVE]["count"] == bundles[AUDITOR]["count"]
    for seq in quiet:
        assert by_seq[seq].keys() == {"seq", "leaf_hash", "proof", "withheld"}
    told = json.dumps([by_seq[seq] for seq in quiet])
    assert number not in told
    for damage in ("leaf_hash", "withheld", "proof"):
        damaged = json.loads(json.dumps(bundles[EXECUTIVE]))
        entry = next(one for one in damaged["records"] if one["seq"] in quiet)
        entry[damage] = {"leaf_hash": "0" * 64, "withheld": "", "proof": []}[damage]
        assert offline.verify_bundle(damaged, keys).exit_code == 1


async def test_an_export_for_others_proves_what_it_withholds(office: Office) -> None:
    _, quiet = quietly(office)
    with reading(office.engine) as connection:
        key = PinnedKey.parse(signers_of(office.settings, origin_of(connection))[0].vkey)
        number = number_of(connection, DAVID)
    found: dict[tuple[str, str], str] = {}
    async with office.browser(EXECUTIVE) as browser:
        for form in ("jsonl", "csv", "cloudevents"):
            found[form, ""] = (await browser.get("/audit/export", params={"format": form, "change": "CH-1"})).text
            by_kind = {"format": form, "change": "CH-1", "person": DAVID}
            found[form, DAVID] = (await browser.get("/audit/export", params=by_kind)).text
    lines = [json.loads(line) for line in found["jsonl", ""].splitlines()]
    checked = check_json_lines(found["jsonl", ""].splitlines(keepends=True), [key])
    assert (checked.withheld, checked.exit_code) == (len(quiet), 0)
    for line in lines:
        if line.get("seq") in quiet:
            assert line.keys() - {"passed_over"} == {"seq", "leaf_hash", "withheld"}
            assert "withheld from you" in line["withheld"]
    rows = {row["number"]: row for row in csv.DictReader(io.StringIO(found["csv", ""]))}
    events = [json.loads(line) for line in found["cloudevents", ""].splitlines()]
    for seq in quiet:
        row = rows[str(seq)]
        assert {name for name, cell in row.items() if cell} == {"number", "words", "hash of the record"}
        [event] = [event for event in events if event["id"] == str(seq)]
        assert (event["type"], event["data"]["leaf_hash"]) == (
            "org.groundswell.record.withheld",
            row["hash of the record"],
        )
        assert not event.keys() & {"time", "subject"}
        assert number not in json.dumps([row, event])
    for form in ("jsonl", "csv", "cloudevents"):
        assert "withheld from you" not in found[form, DAVID]
        assert "I like the idea" in found[form, DAVID] or form == "cloudevents"


async def test_reading_and_taking_out_leave_a_record_without_names(office: Office) -> None:
    walked(office)
    async with office.browser(AUDITOR) as browser:
        for _ in range(2):
            await browser.get("/audit", params={"person": "mara.lind"})
        answer = await browser.get("/audit/export", params={"format": "jsonl"})
        office.clock.now += timedelta(hours=1)
        await browser.get("/audit", params={"person": "mara.lind"})
    with reading(office.engine) as connection:
        rows = connection.execute(
            select(tables.ledger_record.c.action, tables.ledger_record.c.body)
            .where(tables.ledger_record.c.change == "")
            .order_by(tables.ledger_record.c.seq)
        ).all()
        key = PinnedKey.parse(signers_of(office.settings, origin_of(connection))[0].vkey)
    assert [row.action for row in rows] == ["trail_read", "trail_exported", "trail_read"]
    assert not any(b"mara" in row.body for row in rows)
    checked = check_json_lines(answer.text.splitlines(keepends=True), [key])
    assert (checked.count, checked.size, checked.exit_code) == (17, 17, 0)
    assert json.loads(answer.text.splitlines()[0])["for"] == AUDITOR


async def test_who_takes_the_records_themselves_out_of_the_log_leaves_a_record(office: Office) -> None:
    """Once an hour, whichever of them it was: each record that is read this way must not make two more to read."""
    walked(office)
    async with office.program(AUDITOR) as auditor, office.program(MARA) as employee:
        for _ in range(2):
            assert (await auditor.get("/api/v1/log/tile/entries/000.p/9")).status_code == 200
        assert (await auditor.get("/api/v1/log/tile/entries/000.p/8")).status_code == 200
        assert (await auditor.get("/api/v1/log/tile/0/000.p/9")).status_code == 200
        assert (await employee.get("/api/v1/log/tile/entries/000.p/9")).status_code == 403
        office.clock.now += timedelta(hours=1)
        assert (await auditor.get("/api/v1/log/tile/entries/000.p/9")).status_code == 200
    with reading(office.engine) as connection:
        table = tables.ledger_record.c
        found = connection.execute(select(table.action, table.actor).where(table.change == "")).all()
        number = number_of(connection, AUDITOR)
    assert [tuple(row) for row in found] == [("trail_exported", number)] * 2


async def test_who_guesses_a_reader_and_their_question_cannot_find_them_in_a_record(office: Office) -> None:
    """The record stays for ever, and the key in it is made with a secret that an erasure throws away."""
    walked(office)
    async with office.browser(AUDITOR) as browser:
        for _ in range(2):
            await browser.get("/audit")
    with reading(office.engine) as connection:
        query = select(tables.ledger_record.c.body).where(tables.ledger_record.c.action == "trail_read")
        [body] = connection.execute(query).scalars()
    question = json.dumps({"asked": {}, "action": "trail_read"}, sort_keys=True, ensure_ascii=False)
    guess = hashlib.sha256(f"{AUDITOR}\n{question}".encode()).hexdigest()
    assert guess not in body.decode()


async def test_the_evidence_behind_a_record_is_verified_when_it_is_shown(office: Office) -> None:
    walked(office)
    async with office.browser(AUDITOR) as browser:
        before = Page(await browser.get("/audit/records/6"))
        sealer_of(office.settings, office.engine).seal()
        after = Page(await browser.get("/audit/records/6"))
        with writing(office.engine) as connection:
            key = signers_of(office.settings, origin_of(connection))[0]
            attacker = Attacker(connection, key, key)
            attacker.take_triggers_away()
            attacker.edit(6, lambda body: body.update(command="other"))
        wrong = Page(await browser.get("/audit/records/6"))
        assert (await browser.get("/audit/records/9999")).status_code == 404
    assert "newer than the latest checkpoint" in before.text
    assert "proven just now" in after.text
    assert "Something is wrong with this record" in wrong.text


ALTERED = {
    "a letter": "body = replace(body, 'occurred', 'occurxed')",
    "a byte that is not UTF-8": "body = {not_utf8}",
    "no JSON": "body = {not_json}",
    "the hash": "leaf_hash = {not_json}",
    "the person": "actor = 'system'",
    "the outcome": "outcome = 'refused'",
    "the time": "occurred_at = '1970-01-01 00:00:00.000000'",
    "a column that is no text": "stage = x'00ff'",
    "a column that is not UTF-8": "stage = CAST(x'ff41' AS TEXT)",
    "a time that is none": "occurred_at = 'yesterday'",
}
"""What somebody does to record 4. The last three can be done to SQLite only, which takes anything."""


@pytest.mark.parametrize("sealed", [True, False], ids=["signed", "not signed yet"])
@pytest.mark.parametrize("how", list(ALTERED)[: -3 if ON_POSTGRESQL else None])
async def test_the_page_of_an_altered_record_says_that_something_is_wrong(
    office: Office, how: str, sealed: bool
) -> None:
    walked(office)
    if sealed:
        sealer_of(office.settings, office.engine).seal()
    put = ALTERED[how]
    if ON_POSTGRESQL:
        put = put.replace("replace(body", "convert_to(replace(convert_from(body, 'UTF8')") + (
            ", 'UTF8')" if "replace(" in put else ""
        )
    not_utf8, not_json = ("'\\xff'", "'\\x7b'") if ON_POSTGRESQL else ("x'ff'", "x'7b'")
    with writing(office.engine) as connection:
        key = signers_of(office.settings, origin_of(connection))[0]
        Attacker(connection, key, key).take_triggers_away()
        put = put.format(not_utf8=not_utf8, not_json=not_json)
        connection.execute(text(f"UPDATE ledger_record SET {put} WHERE seq = 4"))  # noqa: S608
    async with office.browser(AUDITOR) as browser:
        shown = await browser.get("/audit/records/4")
        others = await browser.get("/audit/records/5")
        listed = await browser.get("/audit")
    assert listed.status_code == 200 or "was altered so that it cannot be shown" in Page(listed).text
    assert (shown.status_code, others.status_code) == (200, 200)
    assert "Something is wrong with this record" in Page(shown).text
    if how != "the hash":  # out of which others are proven as well
        assert "Something is wrong with this record" not in Page(others).text


async def test_no_bundle_is_made_of_what_was_altered(office: Office) -> None:
    walked(office)
    sealer_of(office.settings, office.engine).seal()
    with writing(office.engine) as connection:
        key = signers_of(office.settings, origin_of(connection))[0]
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attacker.edit(6, lambda body: body.update(command="other"))
    async with office.program(AUDITOR) as program:
        answer = await program.get("/api/v1/audit/bundles/CH-1")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/records_altered")
    assert "record 6" in answer.json()["detail"]


async def test_other_peoples_tools_can_read_the_log(office: Office) -> None:
    walked(office)
    async with office.program(AUDITOR) as auditor, office.program(MARA) as employee:
        assert (await employee.get("/api/v1/log/checkpoint")).status_code == 404
        sealed = sealer_of(office.settings, office.engine).seal()
        assert sealed is not None
        note = (await employee.get("/api/v1/log/checkpoint")).text
        width = sealed.size
        hashes = (await employee.get(f"/api/v1/log/tile/0/000.p/{width}")).content
        assert (await employee.get(f"/api/v1/log/tile/entries/000.p/{width}")).status_code == 403
        entries = parse_entry_bundle((await auditor.get(f"/api/v1/log/tile/entries/000.p/{width}")).content)
        for nothing in ("0/000", "0/001.p/3", "9/000", "0/0", "..%2f..%2fetc", "entries/001"):
            assert (await auditor.get(f"/api/v1/log/tile/{nothing}")).status_code == 404, nothing
    with reading(office.engine) as connection:
        origin = origin_of(connection)
    key = VerifierKey.parse(signers_of(office.settings, origin)[0].vkey)
    checkpoint = open_checkpoint(note, origin, [key]).checkpoint
    leaves = [leaf_hash(entry) for entry in entries]
    assert (checkpoint.size, checkpoint.root) == (width, root_of(leaves))
    assert b"".join(leaves) == hashes
    assert parse_canonical(entries[0])["action"] == "submitted"


async def test_a_reader_of_other_people_verifies_the_log_as_it_is_served(office: Office, tmp_path: Path) -> None:
    """tlog-scales, a public library for C2SP tlog-tiles, from nothing but what our interface gave it."""
    reader, backend = (pytest.importorskip(f"tlog_scales.{name}") for name in ("reader", "backend"))
    signing, tlog = (pytest.importorskip(f"tlog_scales.{name}") for name in ("signing", "tlog"))
    sealer, sizes = sealer_of(office.settings, office.engine), []
    for first in (0, 200):
        with writing(office.engine) as connection:
            lock_ledger(connection)
            append_many(connection, [entry(f"e/{number}") for number in range(first, first + 200)], MONDAY)
        sealed = sealer.seal()
        assert sealed is not None
        sizes.append((sealed.size, read_checkpoint(sealed.note)[0].root))
    (old, old_root), (size, _) = sizes
    async with office.program(AUDITOR) as auditor:
        (tmp_path / "checkpoint").write_bytes((await auditor.get("/api/v1/log/checkpoint")).content)
        for at in (old, size):
            for address in tile_addresses(at):
                paths = [address.path()]
                if address.level == 0:
                    paths.append(entries_path(address.index, address.width))
                for path in paths:
                    answer = await auditor.get(f"/api/v1/log/{path}")
                    assert answer.status_code == 200, path
                    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                    (tmp_path / path).write_bytes(answer.content)
    with reading(office.engine) as connection:
        origin = origin_of(connection)
    checkpoint = tlog.Checkpoint.from_text((tmp_path / "checkpoint").read_text())
    checkpoint.verify(signing.Vkey.from_string(signers_of(office.settings, origin)[0].vkey))
    theirs = reader.TilesReader(backend.LocalBackend(tmp_path))
    theirs.set_size(size)
    assert (checkpoint.size, theirs.calculate_root_hash()) == (size, checkpoint.root_hash)
    for index in (0, 199, 255, 256, size - 1):
        record = theirs.get_entry(index)
        assert parse_canonical(record)["seq"] == index
        theirs.get_inclusion_proof(index, size).check(leaf_hash(record), checkpoint.root_hash)
    theirs.get_consistency_proof(old, size).check(old_root, checkpoint.root_hash)


async def test_a_bundle_is_taken_by_those_who_may(office: Office) -> None:
    walked(office)
    async with office.program(AUDITOR) as auditor, office.program(MARA) as employee:
        assert (await employee.get("/api/v1/audit/bundles/CH-1")).status_code == 403
        made = (await auditor.get("/api/v1/audit/bundles/CH-1")).json()
        assert (await auditor.get("/api/v1/audit/bundles/CH-77")).status_code == 404
    assert (made["change"], made["count"]) == ("CH-1", 15)
    assert all(record["private"] for record in made["records"])


async def test_a_web_server_that_starts_on_a_restored_database_only_reads(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(_server: object) -> None:
        return

    walked(office)
    settings = office.settings.model_copy(
        update={"database_url": office.engine.url.render_as_string(hide_password=False)}
    )
    assert sealer_of(settings, office.engine).seal() is not None
    monkeypatch.setattr(application._Server, "serve", serve)
    await application.run(settings)
    with reading(office.engine) as connection:
        assert stopped_because(connection) is None
    with writing(office.engine) as connection:
        attacker = Attacker(connection, generate_key("a"), generate_key("b"))
        attacker.take_triggers_away()
        attacker.cut(2)
    await application.run(settings)
    with reading(office.engine) as connection:
        assert "restored from an older backup" in (stopped_because(connection) or "")
        assert check_the_whole_ledger(connection) == 2


async def test_a_ledger_that_is_stopped_says_so_in_plain_words(office: Office) -> None:
    from store.stopping import stop

    walked(office)
    stop(office.engine, "It does not fit its checkpoint.")
    async with office.browser(AUDITOR) as browser:
        answer = await browser.get("/audit/export")
        state = (await browser.get("/api/v1/audit/state")).json()
    assert answer.status_code == 503
    assert "Nothing that was recorded is touched" in answer.text
    assert state["stopped"] == "It does not fit its checkpoint."


async def test_somebody_is_found_by_their_name(office: Office) -> None:
    await office.filed()
    async with office.browser(ARJUN) as auditor:
        for typed in ("mara.lind", "mara", "Mara Lind", " lind "):
            found = sound(Page(await auditor.get("/audit", params={"person": typed})))
            assert "submitted the proposal" in found.text and "Groundswell asked" not in found.text, typed
        several = sound(Page(await auditor.get("/audit", params={"person": "ma"})))
        assert "Several people are called so: " in several.text and "/audit?person=mara.lind" in several.links
        nobody = sound(Page(await auditor.get("/audit", params={"person": "Rumpelstilz"})))
        assert "Nobody in the directory is called “Rumpelstilz”." in nobody.text
        file = await auditor.get("/audit/export", params={"person": "Mara Lind", "format": "csv"})
        assert "submitted" in file.text and "gate_opened" not in file.text
