"""The JSON interface below /api/v1, and the health checks."""

from __future__ import annotations

from fastapi import APIRouter

from web.api import (
    access,
    account,
    audit,
    changes,
    health,
    listening,
    mail,
    organisation,
    policy,
    sign_in,
    standing_in,
    systems,
    webhooks,
)

BASE = "/api/v1"


def api_router(demonstration: bool) -> APIRouter:
    """All routes but those of commands; signing in by a one-time link exists in the demonstration only."""
    router = APIRouter()
    router.include_router(changes.router, prefix=BASE, tags=["changes"])
    router.include_router(organisation.router, prefix=BASE, tags=["organisation"])
    router.include_router(account.router, prefix=BASE, tags=["account"])
    router.include_router(access.router, prefix=BASE, tags=["administration"])
    router.include_router(systems.router, prefix=BASE, tags=["administration"])
    router.include_router(standing_in.router, prefix=BASE, tags=["standing in"])
    router.include_router(listening.router, prefix=BASE, tags=["organisation"])
    router.include_router(policy.router, prefix=BASE, tags=["policy"])
    router.include_router(audit.router, prefix=BASE, tags=["audit"])
    router.include_router(audit.log_router, prefix=BASE, tags=["audit"])
    router.include_router(mail.router, prefix=BASE, tags=["account"])
    router.include_router(webhooks.router, prefix=BASE, tags=["webhooks"])
    if demonstration:
        router.include_router(sign_in.router, prefix=BASE, tags=["sign-in"])
    router.include_router(health.router, tags=["health"])
    return router
