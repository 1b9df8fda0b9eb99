"""Secrets that have to be read again, such as those that sign webhooks: stored encrypted under the installation's key.

AES-256-GCM under a key that is derived from the actor key, which only web and worker have; a stolen copy of the
database alone signs nothing.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class CannotBeRead(Exception):
    """The secret was sealed under another key."""


def seal(secret: str, key: bytes, purpose: str) -> str:
    """``secret`` as it is stored. What is sealed for one purpose cannot be read for another."""
    nonce = secrets.token_bytes(_NONCE)
    return base64.b64encode(nonce + _cipher(key, purpose).encrypt(nonce, secret.encode(), None)).decode()


def unseal(sealed: str, keys: Sequence[bytes], purpose: str) -> str:
    """What was sealed under one of ``keys``.

    Raises:
        CannotBeRead: under none of them.
    """
    raw = base64.b64decode(sealed)
    for key in keys:
        try:
            return _cipher(key, purpose).decrypt(raw[:_NONCE], raw[_NONCE:], None).decode()
        except InvalidTag:
            continue
    raise CannotBeRead("A stored secret was sealed under a key that is not configured any more.")


def _cipher(key: bytes, purpose: str) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key))
