"""Links by which somebody turns a kind of mail off without signing in (RFC 8058); signed, so nobody forges one."""

from __future__ import annotations

from itsdangerous import BadSignature, URLSafeSerializer

_PURPOSE = "turning mail off"


def leaving_token(secret: bytes, person: str, kind: str) -> str:
    """The token in a link that turns mail of ``kind`` to ``person`` off."""
    return str(URLSafeSerializer(secret, salt=_PURPOSE).dumps([person, kind]))


def leaving(secret: bytes, token: str) -> tuple[str, str] | None:
    """Who turns what off, None for a link that we did not make."""
    try:
        person, kind = URLSafeSerializer(secret, salt=_PURPOSE).loads(token)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(person), str(kind)
