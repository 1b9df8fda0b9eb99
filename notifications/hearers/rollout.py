"""The rollout stage: waves that start, pause by themselves, go on, are rolled back or completed.

Source: lifecycle.md, "Rollout".
"""

from __future__ import annotations

from changes.events import Event
from changes.rollout import (
    GuardBreached,
    MetricReported,
    RolledBack,
    RolloutPlanned,
    WaveCompleted,
    WaveResumed,
    WaveStarted,
)
from notifications.packets import guards, packet
from notifications.telling import AUTHOR, CHAMPION, FOLLOWER, SIGNER, SILENT, Scene, Tellings, tell, tells
from notifications.wording import BRIEF_LENGTH, FULL_LENGTH, shortened

SILENT[MetricReported] = "read on the page; a breached guard is told"


@tells(RolloutPlanned)
def _rollout_planned(scene: Scene, event: RolloutPlanned) -> Tellings:
    """Those who signed an earlier plan, with what is asked of them again."""
    before = scene.before.rollout.plan_version if scene.before else 0
    signatures = scene.after.recruiting.signatures
    stale = dict.fromkeys(signature.person for signature in signatures if signature.about_version == before)
    for person in stale if before else ():
        asked_again = scene.after.gate if scene.after.gate and person in scene.at_the_gate else None
        data = {**packet(scene.after, asked_again), "what": "rollout", "note": ""}
        yield from tell(event, "changed_since_you_answered", data, ((person,), SIGNER))


def _tell_workers(scene: Scene, event: Event, kind: str, data: dict[str, str], *, widely: bool) -> Tellings:
    """Authors and champions; where a wave stops or goes on after a stop, signers and followers too."""
    groups = [(scene.authors, AUTHOR), (scene.after.recruiting.champions, CHAMPION)]
    if widely:
        groups += [(scene.signers, SIGNER), (scene.after.followers, FOLLOWER)]
    yield from tell(event, kind, data, *groups)


@tells(WaveStarted)
def _wave_started(scene: Scene, event: WaveStarted) -> Tellings:
    wave = next(progress.wave for progress in scene.after.rollout.waves if progress.wave.name == event.wave)
    data = {"wave": event.wave, "teams": ",".join(wave.teams), "guards": guards(wave)}
    yield from _tell_workers(scene, event, "wave_started", data, widely=False)


@tells(GuardBreached)
def _guard_breached(scene: Scene, event: GuardBreached) -> Tellings:
    back_out = shortened(scene.after.rollout.back_out_plan, BRIEF_LENGTH)
    data = {"wave": event.wave, "reason": shortened(event.because, FULL_LENGTH), "back_out_plan": back_out}
    yield from _tell_workers(scene, event, "wave_paused", data, widely=True)


@tells(WaveResumed)
def _wave_resumed(scene: Scene, event: WaveResumed) -> Tellings:
    data = {"wave": event.wave, "reason": shortened(event.reason, FULL_LENGTH)}
    yield from _tell_workers(scene, event, "wave_resumed", data, widely=True)


@tells(RolledBack)
def _rolled_back(scene: Scene, event: RolledBack) -> Tellings:
    data = {
        "wave": event.wave if event.scope == "wave" else "",
        "reason": shortened(event.reason, FULL_LENGTH),
        "back_out_plan": shortened(scene.after.rollout.back_out_plan, BRIEF_LENGTH),
    }
    yield from _tell_workers(scene, event, "wave_rolled_back", data, widely=True)


@tells(WaveCompleted)
def _wave_completed(scene: Scene, event: WaveCompleted) -> Tellings:
    upcoming = scene.after.rollout.upcoming
    data = {"wave": event.wave, "adoption": str(event.adoption), "next_wave": upcoming.wave.name if upcoming else ""}
    yield from _tell_workers(scene, event, "wave_completed", data, widely=False)
