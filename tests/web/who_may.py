"""Who may give which command in which situation: the answers that are expected, written down by hand.

Read a line as "this command, by these people, in these situations". ``test_matrix.py`` asks every other combination
too, and expects a no. Nothing here is computed by the rules that are tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.web.office import HOA, LEA, a_test, a_wave

EVERYBODY = "everybody"
GROUPS: Mapping[str, str] = {
    "authors": "proposer co-proposer",
    "lead": "proposer co-proposer owner",  # who carries the work
    "hands": "proposer co-proposer manager owner",  # the lead, and whoever is asked for an answer to the proposal
    "others": "proposer co-proposer manager owner boss tester champion stranger executive auditor steward administrator"
    " ombuds",  # everybody but whose concern it is
    # --- situations
    "answer": "asked heard",
    "with-gate": "asked heard endorsing signing covered",
    "rollout": "recruiting covered preparing rolling paused",
    "under-way": "asked heard returned planning endorsing testing signing recruiting covered preparing rolling paused"
    " learning",
    "open": "under-way window held anonymous",
}
"""Names for several people, and for several situations."""

TABLE = """
edit                 authors                answer returned
resubmit             authors                returned declined withdrawn
say_back             manager owner          answer
say_back             owner boss             anonymous
confirm_heard        authors                heard
correct              authors                heard
accept_for_testing   manager owner          answer
accept_for_testing   owner boss             anonymous
ask_for_changes      manager owner          answer endorsing
ask_for_changes      owner boss             anonymous
decline              manager owner          answer endorsing
decline              owner                  signing
decline              owner boss             anonymous
mark_duplicate       manager owner          answer
mark_duplicate       owner boss             anonymous
decide_yourself      proposer               answer
object               manager                window
ask_co_proposers     authors                under-way
ask_co_proposers     proposer               window
leave_authors        authors                under-way held

propose_tests        lead                   planning endorsing testing
endorse              manager owner          endorsing
endorse_with_changes manager owner          endorsing
record_result        tester                 testing
stop_early           lead tester            testing
conclude             lead                   testing
sign_gate            owner                  signing

nominate             everybody              rollout
declare_interest     everybody              rollout
plan_champions       lead                   rollout
open_places          lead                   rollout
invite               lead                   rollout
accept_invitation    champion               recruiting
decline_invitation   champion               recruiting
step_down            champion               covered preparing rolling paused
log_conversation     champion               covered preparing rolling paused
introduce            everybody              rollout
sign_coverage        owner                  recruiting covered

plan_rollout         lead                   recruiting covered preparing paused
start_wave           lead                   preparing
report_metric        lead tester champion   rolling paused
resume_wave          lead                   paused
roll_back            lead                   rolling paused
complete_wave        lead                   rolling

record_effect        champion               learning
record_benefit       lead                   learning
hold_retrospective   lead                   learning

raise_concern        everybody              open
ask_why              others                 open
answer_why           concerned              open
respond              hands                  under-way held
respond              proposer manager       window
respond              owner boss             anonymous
resolve_concern      concerned              open
overrule_concern     boss                   under-way window held
overrule_concern     boss executive         anonymous

hold                 hands                  under-way
hold                 proposer manager       window
hold                 owner boss             anonymous
resume               hands                  held
withdraw             authors                under-way held
withdraw             proposer               window
comment              everybody              open
follow               everybody              open
move_deadline        manager owner          with-gate
move_deadline        hands                  learning
move_deadline        owner boss             anonymous
remind               lead                   with-gate
remind               owner                  anonymous
last_call            hands                  with-gate
last_call            owner boss             anonymous
step_aside           manager owner          answer endorsing
step_aside           owner                  signing covered
step_aside           owner boss             anonymous
agree_to_reveal      executive ombuds       anonymous
"""
NOBODY = {
    "join_authors": "who was not asked to propose it too",
    "decline_authorship": "who was not asked to propose it too",
    "close": "before both effect checks and the retrospective are done",
    "record_review": "where no short road was taken",
    "unfollow": "who does not follow",
    "renew": "of a change that has not expired",
    "name_testers": "while everybody who was named for a test is there",
    "move_to_newer_policy": "while there is no newer one",
}
"""Commands that nobody may give in any of these situations, and why; each is given in other tests."""


def who_may() -> dict[tuple[str, str], frozenset[str]]:
    """The table: by command and situation, who may."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for line in filter(None, TABLE.splitlines()):
        kind, people, situations = line[:21].strip(), line[21:44].strip(), line[44:].strip()
        for name in _each(situations):
            assert (kind, name) not in found, f"{kind} stands twice for {name}"
            found[kind, name] = frozenset(_each(people))
    return found


def _each(words: str) -> list[str]:
    return [one for word in words.split() for one in (_each(GROUPS[word]) if word in GROUPS else [word])]


BODIES: Mapping[str, Mapping[str, Any]] = {
    "ask_co_proposers": {"people": [LEA]},
    "edit": {"title": "Answer returns at once", "what_changed": "The name."},
    "resubmit": {"title": "Answer returns at once", "what_changed": "The name."},
    "say_back": {"heard": "Returns, faster."},
    "correct": {"correction": "And friendlier."},
    "ask_for_changes": {"what": "Name the desk."},
    "decline": {"reason": "There is no money.", "way_forward": "Try one desk."},
    "mark_duplicate": {"of": "CH-2"},
    "object": {"reason": "It touches us too."},
    "propose_tests": {"tests": [a_test("T1"), a_test("T2")]},
    "endorse_with_changes": {"what": "A second test.", "tests": [a_test("T1"), a_test("T2")]},
    "name_testers": {"test": "T1", "testers": [LEA]},
    "record_result": {"test": "T1", "value": "20", "sample": 40, "evidence": "returns-week-10.csv"},
    "stop_early": {"test": "T1", "reason": "The desk is closed."},
    "conclude": {"verdict": "adopt"},
    "nominate": {"person": "oskar.lehmann"},
    "declare_interest": {"level": "keen"},
    "open_places": {"count": 1},
    "invite": {"people": ["anke.vogt"]},
    "log_conversation": {"team": "service-desk", "note": "They want to know when."},
    "introduce": {"person": HOA, "to": LEA, "why": "Both know returns."},
    "sign_coverage": {"decision": "go"},
    "plan_rollout": {"waves": [a_wave()], "back_out_plan": "Go back within an hour."},
    "start_wave": {"wave": "Pilot"},
    "report_metric": {"metric": "Complaints", "value": "3"},
    "resume_wave": {"reason": "The form is repaired."},
    "roll_back": {"scope": "all", "reason": "Too slow."},
    "complete_wave": {"adoption": 90},
    "record_effect": {"check": "E1", "outcome": "effective", "numbers": "20 hours, was 96."},
    "record_benefit": {"name": "Hours", "unit": "a week", "target": "20"},
    "hold_retrospective": {"prediction_and_result": "24, 20.", "consequence": "none", "because": "It works."},
    "close": {"summary": "It is how we work now."},
    "record_review": {"justified": "yes", "findings": "It was urgent.", "consequence": "None."},
    "raise_concern": {"title": "Fraud", "text": "Who checks?", "code": "R09"},
    "ask_why": {"concern": "C1", "question": "What happened?"},
    "answer_why": {"concern": "C1", "answer": "We lost money."},
    "respond": {"concern": "C1", "text": "We check.", "changed_something": False},
    "resolve_concern": {"concern": "C1"},
    "overrule_concern": {"concern": "C1", "reason": "It is checked already."},
    "hold": {"reason": "Stocktaking."},
    "resume": {"reason": "Over."},
    "withdraw": {"reason": "Somebody else solved it."},
    "comment": {"about": "works", "text": "The desk is glad."},
    "move_deadline": {"deadline": "gate", "to": "2026-03-20T12:00:00Z", "reason": "Holidays."},
    "step_aside": {"reason": "It is about my own desk."},
    "agree_to_reveal": {"pseudonym": "anon-0", "reason": "It is about somebody's safety."},
    "move_to_newer_policy": {"reason": "The old one asks people who have left."},
}
"""What is sent with each command that needs something; it is right in form wherever it is sent."""
