"""The pictures of a report that have a time line: certificates, and what clients noticed of a drill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from operations.drill.measure import Server, Service
from operations.picture.svg import PRINTED, Svg
from operations.report.content import Certificate
from operations.report.html import COLORS, SYMBOLS, WORDS

THEME = {name: f"var(--{name})" for name in (*PRINTED, *COLORS.values(), "track", "asked")}
"""The colours of the style sheet, which differ in dark mode."""
_WIDTH, _EDGE = 1040, 16
_LETTER = 0.62
"""Mean width of a letter, as a part of its size; generous, since the reader's font is not known."""


def fitting(text: str, width: float, size: int) -> str:
    """The text, cut where it would be wider; ``width`` and ``size``, the height of its letters, are pixels."""
    most = max(1, int(width / (size * _LETTER)))
    return text if len(text) <= most else f"{text[: most - 1]}…"


# Certificates ---------------------------------------------------------------------------------------------------------

_NAMES, _ROW = 300, 40


class Scale:
    """From times to places between two ends, in pixels from the left."""

    def __init__(self, first: datetime, last: datetime, left: float, right: float) -> None:
        self.first, self.last = first, max(last, first + timedelta(days=1))
        self._left, self._width = left, right - left

    def __call__(self, at: datetime) -> float:
        return round(self._left + self._width * ((at - self.first) / (self.last - self.first)), 1)

    def ticks(self) -> list[datetime]:
        """The beginnings of years in it, at most ten; of a short time those of its months."""
        days = (self.last - self.first).days
        if days <= 800:
            step = 1 if days < 200 else 3
            months = [(self.first.year + month // 12, month % 12 + 1) for month in range(0, 48, step)]
            found = [datetime(year, month, 1, tzinfo=UTC) for year, month in months]
        else:
            every = days // 3650 + 1
            found = [datetime(year, 1, 1, tzinfo=UTC) for year in range(self.first.year + 1, self.last.year + 1, every)]
        return [one for one in found if self.first <= one <= self.last]


def certificates(found: Sequence[Certificate], now: datetime) -> str:
    """From when to when each is valid, the state in words beside it, and today as a line."""
    svg = Svg(THEME)
    left, right = _NAMES, _WIDTH - _EDGE
    scale = Scale(min(now, *(one.begins for one in found)), max(now, *(one.ends for one in found)), left + 8, right - 8)
    height = 36 + _ROW * len(found) + 28
    for tick in scale.ticks():
        svg.line(scale(tick), 30, scale(tick), height - 28)
    for text, at in _apart([(f"{tick:%Y-%m}", scale(tick)) for tick in scale.ticks()], right):
        svg.text(at, 20, text, size=11, soft=True)
    for number, one in enumerate(found):
        y = 36 + _ROW * number
        status = one.status(now)
        svg.text(_EDGE, y + 16, fitting(", ".join(one.names), left - _EDGE - 12, 13), size=13, bold=True)
        said = f"{SYMBOLS[status]} {WORDS[status]}, {one.begins:%Y-%m-%d} to {one.ends:%Y-%m-%d}"
        svg.text(_EDGE, y + 32, said, size=11, color=COLORS[status])
        begins, ends = scale(one.begins), scale(one.ends)
        svg.bar(left, y + 12, right - left, 14, "track", round_=3)
        svg.bar(begins, y + 12, max(ends - begins, 3), 14, COLORS[status], round_=3)
    today = scale(now)
    svg.line(today, 28, today, height - 24, "ink", dashed=True)
    label = f"today, {now:%Y-%m-%d}"
    late = today + len(label) * 12 * _LETTER > right
    svg.text(today + (4 if late else -4), height - 8, label, size=12, bold=True, ends=late)
    return svg.document(_WIDTH, height, f"Validity of {len(found)} certificates, today marked", kind="picture")


def _apart(labels: Sequence[tuple[str, float]], right: float) -> list[tuple[str, float]]:
    """The labels that fit beside each other, each a little right of its place."""
    found: list[tuple[str, float]] = []
    free = 0.0
    for text, at in labels:
        width = len(text) * 11 * _LETTER
        if at >= free and at + width <= right:
            found.append((text, at + 2))
            free = at + width + 8
    return found


# Drills ---------------------------------------------------------------------------------------------------------------

_SERVICE, _COUNT, _STRIP = 240, 190, 30


def strips(server: Server) -> str:
    """For one server of a drill: the requests of each second and the failures among them, a strip for each service,
    and what happened to the server."""
    svg = Svg(THEME)
    left, right = _SERVICE, _WIDTH - _COUNT
    events = _events(server)
    seconds = max([1.0, *(at for _, at in events), *map(_last, server.services)])

    def place(at: float) -> float:
        return round(left + (right - left) * at / seconds, 1)

    lanes = _lanes([(text, place(at)) for text, at in events], _WIDTH - _EDGE)
    top = 12 + 16 * (max((lane for _, _, lane in lanes), default=0) + 1)
    height = top + _STRIP * len(server.services) + 12
    svg.text(_EDGE, 20, fitting(server.machine, left - _EDGE - 12, 14), size=14, bold=True)
    for (text, at, lane), (_, second) in zip(lanes, events, strict=True):
        svg.text(at, 16 + 16 * lane, text, size=11)
        svg.line(place(second), 20 + 16 * lane, place(second), height - 8, "ink", dashed=True)
    for number, service in enumerate(server.services):
        _strip(svg, service, top + _STRIP * number, place, (left, right))
    title = f"Requests and failures while {server.machine} was off, over {seconds:.0f} seconds"
    return svg.document(_WIDTH, height, title, kind="picture")


def _events(server: Server) -> list[tuple[str, float]]:
    """What happened, with the seconds after the order."""
    found = [("shut down 0 s", 0.0), (f"off {server.off_seconds:.0f} s", server.off_seconds)]
    if server.on_seconds is not None:
        redundant = server.on_seconds + server.redundant_seconds
        found += [
            (f"switched on {server.on_seconds:.0f} s", server.on_seconds),
            (f"redundant again {redundant:.0f} s", redundant),
        ]
    return found


def _last(service: Service) -> float:
    return max(float(len(service.requests_by_second)), service.last_failure_seconds or 0)


def _lanes(labels: Sequence[tuple[str, float]], right: float) -> list[tuple[str, float, int]]:
    """Each label with its place and the first line on which it meets no other."""
    free: list[float] = []
    found = []
    for text, at in labels:
        width = len(text) * 11 * _LETTER
        begins = min(at + 3, right - width)
        lane = next((number for number, end in enumerate(free) if begins >= end), len(free))
        free[lane : lane + 1] = [begins + width + 8]
        found.append((text, begins, lane))
    return found


def _strip(svg: Svg, service: Service, y: int, place: Callable[[float], float], ends: tuple[float, float]) -> None:
    """A low bar for the requests of each second, and a tall one for a second with failures."""
    left, right = ends
    svg.text(_EDGE, y + 18, fitting(f"{service.service}, {service.port}", left - _EDGE - 12, 12), size=12)
    svg.bar(left, y + 22, right - left, 2, "track")
    most = max(service.requests_by_second, default=1) or 1
    width = max(1.0, round(place(1) - place(0) - 0.3, 1))
    for second, requests in enumerate(service.requests_by_second):
        if requests:
            tall = round(12 * requests / most, 1)
            svg.bar(place(second), y + 22 - tall, width, tall, "asked")
    for second, failures in enumerate(service.failures_by_second):
        if failures:
            svg.bar(place(second), y + 2, width, 20, "wrong")
    if (
        service.first_failure_seconds is not None
        and service.last_failure_seconds is not None
        and not service.failures_by_second
    ):
        first, last = place(max(0, service.first_failure_seconds)), place(max(0, service.last_failure_seconds))
        svg.bar(first, y + 2, max(last - first, 3), 20, "wrong")
    failed = f"✕ {service.failed} of {service.requests} failed" if service.failed else f"✓ {service.requests} answered"
    svg.text(right + 12, y + 18, failed, size=12, color="wrong" if service.failed else "ok")
