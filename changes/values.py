"""The small typed values that commands, events, facts and state share.

Sources: ledger profile (no floats, no lone surrogates, bounded bodies) from reference/ledger.md 6.3 and 6.2;
input limits from the foundation's list of bad input.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

LINE_LENGTH = 200
"""Characters in a title, a name or any other one-line answer."""
TEXT_LENGTH = 4_000
"""Characters in a free text. Keeps a ledger body far below its 60,000 bytes."""
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 12, 31, tzinfo=UTC)
"""Moments outside these are slips of the keyboard, and no calendar or timer can reckon with them."""


class Value(BaseModel):
    """An immutable value. Unknown fields are refused, so a misspelt one is an error and never silently lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    def having(self, **updates: Any) -> Self:
        """This value with some fields replaced; the rest is shared, not copied. New values are taken as they are."""
        return self.model_copy(update=updates)


@dataclass(frozen=True)
class Names:
    """Marks a reference with the kind of thing it names, so look-ups and forms can find it."""

    kind: Literal["person", "team", "process", "change", "policy"]


def _plain(text: str) -> str:
    """Normalise to NFC, trim, and refuse what no database, mail header or ledger should have to carry."""
    if text.isascii() and text.isprintable():  # most of it: nothing to normalise and nothing to refuse
        return text.strip()
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError("not_unicode", "contains a broken character; please type it again") from error
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    for character in text:
        if unicodedata.category(character) == "Cc" and character not in "\n\t":
            raise PydanticCustomError(
                "control_character",
                "contains the control character {code}; please remove it",
                {"code": f"U+{ord(character):04X}"},
            )
    return text


def _at_most(length: int) -> Callable[[str], str]:
    """Measure again: normalising lengthens some characters, and what was accepted must be readable ever after."""

    def check(text: str) -> str:
        if len(text) > length:
            raise PydanticKnownError("string_too_long", {"max_length": length})
        return text

    return check


def _one_line(text: str) -> str:
    # splitlines knows the breaks of Unicode as well, which a mail header refuses to carry.
    if len(text.splitlines()) > 1 or "\t" in text:
        raise PydanticCustomError("line_break", "must be one line")
    return text


def _filled(text: str) -> str:
    if not text:
        raise PydanticCustomError("empty", "must not be empty")
    return text


def _utc(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= LATEST:
        years = {"first": EARLIEST.year, "last": LATEST.year}
        raise PydanticCustomError("out_of_reach", "must lie between the years {first} and {last}", years)
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _no_float(value: Any) -> Any:
    """Read a JSON number by its shortest decimal form: 0.1 means 0.1, not its binary neighbour."""
    return str(value) if isinstance(value, float) else value


Line = Annotated[
    str,
    Field(max_length=LINE_LENGTH),
    AfterValidator(_plain),
    AfterValidator(_at_most(LINE_LENGTH)),
    AfterValidator(_one_line),
    AfterValidator(_filled),
]
"""One line of text: NFC, trimmed, 1 to 200 characters."""
Text = Annotated[
    str,
    Field(max_length=TEXT_LENGTH),
    AfterValidator(_plain),
    AfterValidator(_at_most(TEXT_LENGTH)),
    AfterValidator(_filled),
]
"""Free text: NFC, trimmed, 1 to 4,000 characters, line breaks allowed."""
OptionalText = Annotated[
    str, Field(max_length=TEXT_LENGTH), AfterValidator(_plain), AfterValidator(_at_most(TEXT_LENGTH))
]
"""Free text that may be empty."""
Ref = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
"""The stable reference of a person, team, process, change, test or concern."""
Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""An instant, aware, in UTC."""
Number = Annotated[Decimal, BeforeValidator(_no_float), Field(max_digits=18, decimal_places=6, allow_inf_nan=False)]
"""An exact decimal number; travels as a string, because the ledger's canonical form has no floats."""
PSEUDONYM_PREFIX = "anon-"
"""How the reference of somebody who stays anonymous begins; the directory gives nobody such a reference."""
NAMELESS = "somebody who stays anonymous"
"""What stands where their name would."""


ERASED_PREFIX = "erased-"
"""How the reference begins that stands where an erased person's was; the directory gives nobody such a reference."""
FORGOTTEN = "somebody who was erased"
"""What stands where their name would."""


def is_pseudonym(ref: str) -> bool:
    """Whether ``ref`` stands for somebody who stays anonymous."""
    return ref.startswith(PSEUDONYM_PREFIX)


def is_erased(ref: str) -> bool:
    """Whether ``ref`` stands for somebody who was erased."""
    return ref.startswith(ERASED_PREFIX)


def nobodys_name(ref: str) -> str | None:
    """What to call somebody whom the directory must not know; None for everybody else."""
    if is_pseudonym(ref):
        return NAMELESS
    return FORGOTTEN if is_erased(ref) else None


PersonRef = Annotated[Ref, Names("person")]
TeamRef = Annotated[Ref, Names("team")]
ProcessRef = Annotated[Ref, Names("process")]
ChangeRef = Annotated[Ref, Names("change")]
CandidateRef = Annotated[Ref, Names("policy")]
"""The content hash of a policy that was checked in as a candidate."""


def enumerated(items: Iterable[str], word: str = "and") -> str:
    """The items as an enumeration: "a, b and c"."""
    *first, last = list(items) or [""]
    return f"{', '.join(first)} {word} {last}" if first else last
