"""How the headers of a letter are written: every character of a subject and of a name arrives.

Written out here, because the standard library's newer header code loses spaces where a long header mixes ASCII and
other words (python/cpython issue 92081; "Größe über Öfen" arrives as "Größe überÖfen"), and its older one,
:class:`email.header.Header`, took a seventh of the processor time of a letter. The tests read what is written here with
the latter.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence, Sized
from email.utils import formataddr
from functools import lru_cache

from notifications.wording import one_line

LINE_END = "\r\n"
_LINE = 78
"""Characters in a line of a header (RFC 5322, 2.1.1)."""
_ENCODED_LINE = 76
"""Characters in a line with an encoded word (RFC 2047, 2)."""
_WORD = 75
"""Characters in an encoded word (RFC 2047, 2)."""
_AROUND = len("=?utf-8?q??=")
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
"""What stands for itself in an encoded word, in a name as well (RFC 2047, 5)."""


def words(header: str, text: str) -> str:
    """``text`` as the value of ``header``, folded; what is more than ASCII becomes encoded words."""
    line = one_line(text)
    used = len(header) + len(": ")
    if _stands_as_it_is(line):
        if used + len(line) <= _LINE:
            return line
        if folded := _folded(line, used):
            return folded
    return _encoded(line, used)


def mailbox(header: str, name: str, address: str) -> str:
    """One mailbox as the value of ``header``; ``address`` is a plain one (:mod:`notifications.addresses`)."""
    line = one_line(name)
    return formataddr((line, address)) if _stands_as_it_is(line) else f"{words(header, line)} <{address}>"


def _stands_as_it_is(line: str) -> bool:
    """Whether a mail program shows ``line`` as it is written; what looks encoded it would decode."""
    return line.isascii() and line.isprintable() and "=?" not in line


def _folded(line: str, used: int) -> str:
    """``line`` broken at spaces, the first part shorter by ``used``; nothing where a word is longer than a line."""
    parts: list[str] = []
    length = used - 1  # each word brings the space before it; that of the first one stands behind the header's name
    for word in line.split(" "):
        if length + 1 + len(word) > _LINE:
            if not parts or 1 + len(word) > _LINE:
                return ""
            parts.append(LINE_END)
            length = 0
        parts.append(f" {word}")
        length += 1 + len(word)
    return "".join(parts)[1:]


def _encoded(line: str, used: int) -> str:
    """``line`` as encoded words of whole characters, in the shorter of the two encodings."""
    first, other = min(_WORD, _ENCODED_LINE - used) - _AROUND, _WORD - _AROUND
    quoted = [_quoted(character) for character in line]
    if 3 * sum(map(len, quoted)) <= 4 * len(line.encode()):
        found = [f"=?utf-8?q?{''.join(quoted[run])}?=" for run in _runs(quoted, first, other)]
    else:
        raw = [character.encode() for character in line]
        runs = _runs(raw, first // 4 * 3, other // 4 * 3)  # four characters for three bytes
        found = [f"=?utf-8?b?{b64encode(b''.join(raw[run])).decode()}?=" for run in runs]
    return f"{LINE_END} ".join(found)


def _runs(pieces: Sequence[Sized], first: int, other: int) -> Iterator[slice]:
    """Which pieces stand together: as many as fit into ``first``, then into ``other``."""
    begin, length, room = 0, 0, first
    for place, piece in enumerate(pieces):
        if length + len(piece) > room:
            yield slice(begin, place)
            begin, length, room = place, 0, other
        length += len(piece)
    yield slice(begin, len(pieces))


@lru_cache(maxsize=4_096)
def _quoted(character: str) -> str:
    if character == " ":
        return "_"
    return character if character in _BARE else "".join(f"={byte:02X}" for byte in character.encode())
