"""Where the parts of a chart stand. Pure arithmetic; ``charts.html`` draws it as SVG with a table beside it.

A chart says nothing that its table does not say, works without JavaScript, prints, and is tested as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from changes.state import Guard, Operator, Reading, Result, Test

WIDTH, INSET = 560.0, 14.0
"""Of a chart's own coordinate system; on the page it is as wide as there is room."""


@dataclass(frozen=True)
class Scale:
    """Maps values to places between two ends."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: Decimal | float) -> float:
        """Where ``value`` stands, to a tenth."""
        share = (float(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def scale_for(values: Sequence[Decimal | float], start: float, end: float) -> Scale:
    """A scale on which all ``values`` have room. It begins at zero unless they are far away from it."""
    numbers = [float(value) for value in values] or [0.0]
    low, high = min(numbers), max(numbers)
    if 0 < low < (high - low) * 2 or low == high > 0:
        low = 0.0
    margin = (high - low or abs(high) or 1.0) * 0.12
    return Scale(low - (margin if low else 0.0), high + margin, start, end)


@dataclass(frozen=True)
class Mark:
    """A value with its place."""

    x: float
    y: float
    value: Decimal
    good: bool
    label: str = ""


@dataclass(frozen=True)
class TestChart:
    """Today's value, the pass line and what was measured, on one line of numbers."""

    __test__ = False

    line: float
    """Where the pass line stands."""
    passing: tuple[float, float]
    """From where to where a value passes."""
    baseline: float | None
    marks: tuple[Mark, ...]


def test_chart(test: Test, results: Sequence[Result]) -> TestChart:
    """The chart of one test with its counting ``results``."""
    values = [test.pass_line, *(result.value for result in results)]
    values += [test.baseline] if test.baseline is not None else []
    scale = scale_for(values, INSET, WIDTH - INSET)
    line = scale.at(test.pass_line)
    return TestChart(
        line=line,
        passing=_healthy(test.operator, line, INSET, WIDTH - INSET),
        baseline=scale.at(test.baseline) if test.baseline is not None else None,
        marks=tuple(Mark(scale.at(result.value), 0, result.value, result.passed) for result in results),
    )


test_chart.__test__ = False  # type: ignore[attr-defined]  # pytest must not collect it


def _healthy(operator: Operator, line: float, start: float, end: float) -> tuple[float, float]:
    """The side of ``line`` on which values are good, as (from, length)."""
    if operator in {Operator.AT_LEAST, Operator.OVER}:
        return line, round(abs(end - line), 1)
    return start, round(abs(line - start), 1)


@dataclass(frozen=True)
class GuardChart:
    """The readings of one guard over time, with its threshold."""

    height: float
    limit: float
    healthy: tuple[float, float]
    """From where (top) and how far down readings are healthy."""
    marks: tuple[Mark, ...]

    @property
    def points(self) -> str:
        """The line through all readings."""
        return " ".join(f"{mark.x},{mark.y}" for mark in self.marks)


HEIGHT = 130.0


def guard_chart(guard: Guard, readings: Sequence[Reading]) -> GuardChart:
    """The chart of one guard with its ``readings``, the oldest first."""
    scale = scale_for([guard.threshold, *(reading.value for reading in readings)], HEIGHT - INSET, INSET)
    limit = scale.at(guard.threshold)
    good_above = guard.operator in {Operator.AT_LEAST, Operator.OVER}
    step = (WIDTH - 2 * INSET - 60) / max(len(readings) - 1, 1)
    return GuardChart(
        height=HEIGHT,
        limit=limit,
        healthy=(0.0, limit) if good_above else (limit, round(HEIGHT - limit, 1)),
        marks=tuple(
            Mark(round(INSET + number * step, 1), scale.at(reading.value), reading.value, reading.healthy)
            for number, reading in enumerate(readings)
        ),
    )


@dataclass(frozen=True)
class Bar:
    """A row of a bar chart."""

    label: str
    text: str
    share: float
    """Its length, in per cent of the longest there could be."""


def bars(rows: Sequence[tuple[str, float, str]]) -> tuple[Bar, ...]:
    """Bars for ``(label, value, text)``, the longest as long as there is room."""
    most = max((value for _, value, _ in rows), default=0) or 1
    return tuple(Bar(label, text, round(max(value / most * 100, 1 if value else 0), 1)) for label, value, text in rows)
