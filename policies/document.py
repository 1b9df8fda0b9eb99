"""A YAML 1.2 text as plain data, with the line and column of every key and value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from policies.problems import Path, PolicyError, PolicyProblem, path_in_words

LARGEST = 1_000_000
"""Characters in a policy file."""
DEEPEST = 40
"""Levels of nesting in a policy file."""
_LONGEST_INTEGER = 18
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """The content of a file. Maps become dicts, lists tuples, numbers int or Decimal, days stay text."""

    file: str
    content: Any = None
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    problems: list[PolicyProblem] = field(default_factory=list)

    def problem(self, path: Path, message: str, place: Place | None = None) -> PolicyProblem:
        """A problem at a place of the document; without one at the key, or else the value, that ``path`` leads to.

        Steps of ``path`` that the document does not have are skipped.
        """
        known: Path = ()
        for step in path:
            if (*known, step) in self.values:
                known = (*known, step)
        found = place or self.keys.get(known) or self.values.get(known) or Place(1, 1)
        return PolicyProblem(self.file, found.line, found.column, path_in_words(known), message)

    def at_value(self, path: Path) -> Place | None:
        """Where the value stands that ``path`` leads to, steps the document does not have being skipped."""
        known: Path = ()
        for step in path:
            if (*known, step) in self.values:
                known = (*known, step)
        return self.values.get(known)

    def named(self, path: str) -> Place:
        """Where a setting stands that is named in words, such as ``routes.cross-team.gates.sign_tests``.

        An entry of a list goes by its name, its role or its position. The last part that the document has counts.
        """
        at: Path = ()
        rest, content = path, self.content
        while rest:
            ways = ((step, word) for step, word in _steps(content) if f"{rest}.".startswith(f"{word}."))
            step, word = next(ways, (None, ""))
            if step is None:
                break
            at, rest, content = (*at, step), rest[len(word) + 1 :], content[step]
        return self.keys.get(at) or self.values.get(at) or Place(1, 1)


def _steps(content: Any) -> Iterator[tuple[str | int, str]]:
    """Every way on from a part of a document, with the word for it."""
    if isinstance(content, dict):
        yield from ((key, key) for key in content)
    elif isinstance(content, tuple):
        for number, item in enumerate(content):
            named = item if isinstance(item, dict) else {}
            yield number, str(named.get("name") or named.get("role") or number)


def read_document(text: str, file: str) -> Document:
    """Read one YAML document.

    Raises:
        PolicyError: the text is empty, too large or too deep, is not YAML, gives a key twice, repeats a part by an
            alias, or has a tag of its own.
    """
    document = Document(file)
    if len(text) > LARGEST:
        raise PolicyError([document.problem((), f"is longer than {LARGEST:,} characters; a policy is a short text")])
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, RecursionError, ValueError) as error:
        raise PolicyError([_not_yaml(error, document, text)]) from error
    if root is None:
        raise PolicyError([document.problem((), 'is empty; a policy begins with "policy: name"')])
    document.content = _Reading(document).read(root, ())
    if document.problems:
        raise PolicyError(document.problems)
    return document


def _not_yaml(error: Exception, document: Document, text: str) -> PolicyProblem:
    if isinstance(error, ReaderError):
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        return document.problem((), f"contains the control character U+{ord(text[error.position]):04X}", place)
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return document.problem((), "is not YAML, or nested too deeply")
    mark = error.problem_mark
    place = Place(mark.line + 1, mark.column + 1)
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" in indentation or "\\t" in str(error.problem):
        return document.problem((), "a tab indents this line; YAML takes spaces only", place)
    return document.problem((), f"is not YAML: {error.problem}", place)


@dataclass(slots=True)
class _Reading:
    """Turns ruamel's nodes into plain data. Its own constructors would lose the places."""

    document: Document
    seen: set[int] = field(default_factory=set)

    def read(self, node: Node, path: Path) -> Any:
        place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
        self.document.values[path] = place
        if id(node) in self.seen:
            return self._refuse(path, "repeats another part by an alias; please write it out", place)
        self.seen.add(id(node))
        if len(path) >= DEEPEST:
            return self._refuse(path, f"is nested more than {DEEPEST} levels deep", place)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path, place)
        if str(node.tag).removeprefix(_TAG) not in ("map", "seq"):
            return self._refuse(path, f'has the tag "{node.tag}"; tags are not used in policies', place)
        if isinstance(node, MappingNode):
            return dict(self._pairs(node, path))
        return tuple(self.read(item, (*path, number)) for number, item in enumerate(node.value))

    def _pairs(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        for key, value in node.value:
            place = Place(key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, ScalarNode):
                self._refuse(path, "has a key that is not a word", place)
                continue
            inner = (*path, key.value)
            if inner in self.document.keys:
                first = self.document.keys[inner].line
                self._refuse(inner, f'the key "{key.value}" was already given in line {first}', place)
                continue
            self.document.keys[inner] = place
            yield key.value, self.read(value, inner)

    def _scalar(self, node: ScalarNode, path: Path, place: Place) -> Any:
        text: str = node.value
        match str(node.tag).removeprefix(_TAG):
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" | "float":
                return _number(text)
            case tag:
                return self._refuse(path, f'has the tag "{tag}"; tags are not used in policies', place)

    def _refuse(self, path: Path, message: str, place: Place) -> None:
        self.document.problems.append(self.document.problem(path, message, place))


def _number(text: str) -> int | Decimal | str:
    """The number a plain scalar spells; the text itself where that is none a policy can use, such as ``.inf``."""
    try:
        if len(text) <= _LONGEST_INTEGER:
            return int(text, 0) if text[:2].lower() in ("0x", "0o") else int(text)
    except ValueError:
        pass  # not a whole number
    try:
        return Decimal(text)
    except InvalidOperation:
        return text
