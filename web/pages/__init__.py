"""Pages for people. They work without JavaScript; every form is made from its command."""

from __future__ import annotations

from fastapi import APIRouter

from web.pages import (
    administration,
    answering,
    approvals,
    audit,
    change,
    changes,
    deciding,
    demonstration,
    filing,
    giving,
    home,
    interface,
    leaving,
    listening,
    mail,
    movements,
    openid,
    overview,
    own_access,
    people,
    policy,
    preferences,
    sign_in,
    standing_in,
    webhooks,
)


def pages_router(for_demonstration: bool) -> APIRouter:
    """All pages; one-time links and the mail page exist in the demonstration only."""
    router = APIRouter(include_in_schema=False)
    router.include_router(home.router)
    router.include_router(approvals.router)
    router.include_router(deciding.router)
    router.include_router(changes.router)
    router.include_router(filing.router)
    router.include_router(giving.router)
    router.include_router(audit.router)
    router.include_router(change.router)
    router.include_router(overview.router)
    router.include_router(listening.router)
    router.include_router(people.router)
    router.include_router(administration.router)
    router.include_router(webhooks.router)
    router.include_router(movements.router)
    router.include_router(policy.router)
    router.include_router(preferences.router)
    router.include_router(own_access.router)
    router.include_router(standing_in.router)
    router.include_router(sign_in.router)
    router.include_router(leaving.router)
    router.include_router(interface.router)
    router.include_router(answering.router)
    router.include_router(openid.router)  # before one-time links, which would take its address for a token
    if for_demonstration:
        router.include_router(demonstration.router)
        router.include_router(sign_in.link_router)
        router.include_router(mail.router)
    return router
