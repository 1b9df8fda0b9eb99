"""The kinds of notice, the most important first, each in the words of a settings page.

Source: reference/peers.md, section 5 "E-mail" (kinds to have from day one).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KINDS: Mapping[str, str] = MappingProxyType(
    {
        # Something is asked of you.
        "changed_since_you_answered": "What you endorsed or signed has changed since",
        "escalated": "A question went one level up, because nobody answered",
        "asked": "You are asked for an answer at a gate",
        "reminded": "An answer of yours is still missing",
        "self_decided": "Somebody decided alone, and you may object",
        "champion_invited": "You are invited to be a champion",
        "champion_reminded": "Your invitation to be a champion is still open",
        "co_proposer_asked": "Somebody asks you to propose a change with them",
        "review_due": "You are asked to review a change that took a short road",
        "delegated_to_you": "Somebody asks you to answer in their place",
        "effect_check_due": "It is time to look at the effect of a change",
        "step_reminded": "The next step of your change is yours",
        "holder_gone": "Somebody who held something open left, moved or is away",
        "places_open": "Places of champions are still open",
        "tests_to_run": "A test of yours may start",
        "concern_why_asked": "Somebody asks why you raised a concern",
        "said_back": "Somebody wrote what they heard, for you to confirm or correct",
        "short_road": "A change took a short road, such as an emergency",
        # Something was decided about your change, and you have the next word.
        "objected": "Somebody objected to deciding alone",
        "changes_asked": "Changes were asked for",
        "declined": "A change was declined, with the reason and a way forward",
        "superseded": "A policy you put forward has to be based on a newer version",
        "duplicate": "A change goes on under another reference",
        "reviewed": "A change that took a short road was reviewed",
        "policy_in_force": "A new version of the policy is in force",
        "policy_moved": "A change was moved to a newer version of the policy",
        "withdrawn": "A change was withdrawn",
        "expired": "A change expired, because nobody answered",
        "wave_paused": "A wave paused, because a guard was breached",
        "wave_rolled_back": "A wave or a whole rollout was rolled back",
        "coverage_held": "Champion coverage was not signed yet",
        "concern_raised": "Somebody raised a concern",
        "concern_overruled": "A concern was overruled",
        "concern_answered": "A concern was answered",
        "concern_resolved": "A concern was resolved",
        "heard_answered": "What you heard was confirmed or corrected",
        "results_in": "All results of a round of tests are in",
        "test_stopped": "A test was stopped early",
        "delegation_ended": "You do not answer in somebody's place any more, or somebody in yours",
        "delegated_by_you": "You asked somebody to answer in your place",
        "webhook_disabled": "A webhook that you added was switched off, because nothing arrived there",
        "asked_instead": "Other people are asked now",
        "last_call": "The last call was made, or a gate was opened again",
        "co_proposer_joined": "Somebody proposes a change with you",
        "author_left": "An author took their name off a change",
        # News.
        "answered": "Somebody said yes, or a gate was passed",
        "concluded": "The tests were concluded",
        "champion_accepted": "Somebody accepted a champion's place",
        "champion_stepped_down": "A champion gave their place back",
        "effect_found": "An effect check was recorded",
        "closed": "A change was closed",
        "wave_started": "A wave started",
        "wave_completed": "A wave was completed",
        "wave_resumed": "A paused wave went on",
        "held": "A change was put on hold",
        "resumed": "A change goes on after a hold",
        "renewed": "An expired change was taken up again",
        "deadline_moved": "A deadline was moved",
        "filed_for_you": "Somebody filed a change with or for you",
        "introduced": "Somebody introduced you to a colleague",
        "followers_moved": "You follow the change that yours or another goes on under",
        "commented": "Somebody commented on your change",
        "moved_on": "A change you follow reached its next stage",
    }
)
"""Every kind. When several fall on one person at once, the one that stands first is sent."""

IMPORTANCE: Mapping[str, int] = MappingProxyType({kind: place for place, kind in enumerate(KINDS)})
"""The place of each kind; a smaller number is more important."""

ASKED_OF_ANYBODY = frozenset({"asked", "wave_paused", "effect_check_due", "review_due"})
"""What Groundswell asks by itself. It is asked of the person whose command led there as well: a task is no news of
one's own act, and it comes with a deadline of its own."""

ALREADY_ASKING: Mapping[str, str] = MappingProxyType(
    {
        "champion_invited": "accept_invitation",
        "champion_reminded": "accept_invitation",
        "effect_check_due": "record_effect",
        "co_proposer_asked": "join_authors",
        "review_due": "record_review",
        "tests_to_run": "record_result",
        "concern_why_asked": "answer_why",
        "said_back": "confirm_heard",
        "results_in": "conclude",
        "places_open": "invite",
        "wave_paused": "resume_wave",
    }
)
"""The command each of these kinds asks for, so that the mail does not list the same task a second time."""
