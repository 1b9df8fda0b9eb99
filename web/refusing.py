"""What each kind of failure is called and with which status it is answered."""

from __future__ import annotations

from http import HTTPStatus

from changes.permissions import Verdict
from changes.refusals import RefusalKind, Refused
from temporal.gateway import NotNow
from web.failures import Failure
from web.plain_words import Finding

STATUS: dict[RefusalKind, HTTPStatus] = {
    RefusalKind.NOT_YOURS: HTTPStatus.FORBIDDEN,
    RefusalKind.WRONG_STAGE: HTTPStatus.CONFLICT,
    RefusalKind.STALE: HTTPStatus.PRECONDITION_FAILED,
    RefusalKind.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefusalKind.UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalKind.REPEATED: HTTPStatus.UNPROCESSABLE_ENTITY,
}
TITLES: dict[RefusalKind, str] = {
    RefusalKind.NOT_YOURS: "Somebody else has to do this",
    RefusalKind.WRONG_STAGE: "Not possible where the change is now",
    RefusalKind.STALE: "The change has moved on",
    RefusalKind.INVALID: "Something needs another look",
    RefusalKind.UNKNOWN: "Not found",
    RefusalKind.REPEATED: "This key was used before",
}
RETRY_AFTER = 5
"""Seconds after which trying again makes sense when the database is away."""


def refusal(refused: Refused) -> Failure:
    """A rule's no."""
    about_field = (
        [Finding(pointer=refused.pointer, code=refused.rule, message=refused.detail)] if refused.pointer else []
    )
    return Failure(STATUS[refused.kind], refused.rule, TITLES[refused.kind], refused.detail, about_field)


def not_now(error: NotNow) -> Failure:
    """Temporal or its worker is away or too busy."""
    return Failure(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_now",
        "Not right now",
        str(error),
        headers={"Retry-After": str(error.retry_after)},
    )


def database_away() -> Failure:
    """The database does not answer. Which one stays in the log: an address is nobody's business out there."""
    return Failure(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "database_unavailable",
        "Not right now",
        "Groundswell cannot reach its database right now. Nothing is lost; please try again shortly.",
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def our_fault(request_id: str) -> Failure:
    """Something broke; the log has the details under the request's number."""
    return Failure(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something went wrong on our side",
        f"Groundswell could not finish this, and that is our fault. To report it, name the request {request_id}.",
    )


def not_signed_in() -> Failure:
    """Nobody, or nobody who is still active, is signed in."""
    return Failure(
        HTTPStatus.UNAUTHORIZED,
        "not_signed_in",
        "You are not signed in",
        "Please sign in first. Sessions end after two hours without use.",
        headers={"WWW-Authenticate": 'Bearer realm="Groundswell"'},
    )


def not_permitted(verdict: Verdict) -> Failure:
    """The permissions' no. What somebody may not even know of is answered as if it did not exist."""
    if verdict.hidden:
        return Failure(HTTPStatus.NOT_FOUND, "not_found", "Not found", "There is nothing here that you can see.")
    return Failure(HTTPStatus.FORBIDDEN, "not_permitted", "This is for somebody else", verdict.reason)


def too_fast(seconds: int) -> Failure:
    """Somebody asks more often than one process can bear."""
    again = "in a second" if seconds == 1 else f"in {seconds} seconds"
    return Failure(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too_many_requests",
        "One moment, please",
        f"That was a lot at once. Nothing is lost; please try again {again}.",
        headers={"Retry-After": str(seconds)},
    )


def no_such_change(ref: str) -> Failure:
    """There is no such change, or none that may be known of."""
    shown = ref if len(ref) <= 64 else f"{ref[:64]}…"
    return Failure(
        HTTPStatus.NOT_FOUND, "unknown_change", "Not found", f"There is no change “{shown}”. Check its reference."
    )


def ledger_stopped() -> Failure:
    """The ledger does not fit what was signed about it. Why stays with those who run the installation."""
    return Failure(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "ledger_stopped",
        "Nothing is recorded right now",
        "Something is wrong with the record of decisions, so nothing is added to it until an administrator has looked. "
        "Nothing that was recorded is touched.",
        headers={"Retry-After": str(RETRY_AFTER)},
    )
