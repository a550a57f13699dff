"""The few shapes of a picture as SVG text: the same calls give the same bytes, with no font but the reader's own.

Texts are data: markup in them is escaped, control characters are shown escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape as escaped_with_quotes
from xml.sax.saxutils import escape

from remote.text import visible

Colors = Mapping[str, str]
"""By name: what is drawn."""
PRINTED: Colors = {
    "paper": "#ffffff",
    "ink": "#1f2933",
    "soft": "#52606d",
    "line": "#9aa5b1",
    "domain": "#fafbfc",
    "portal": "#e3f0fb",
    "sql": "#fdf3d8",
    "spf": "#e6f4e6",
    "other": "#f0f1f3",
    "machine": "#ffffff",
}
"""Colours of their own, for a picture that stands alone."""


class Svg:
    """Collects shapes, then gives the whole document. Places and sizes are pixels, from the upper left corner; a colour
    is one of the names of ``Colors``."""

    def __init__(self, colors: Colors = PRINTED) -> None:
        self._colors = colors
        self._shapes: list[str] = []

    def box(
        self, x: int, y: int, width: int, height: int, fill: str, *, dashed: bool = False, edge: str = "line"
    ) -> None:
        """A framed box; the frame of another colour than ``line`` is thicker."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        thick = "" if edge == "line" else ' stroke-width="2"'
        self._shapes.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{self._colors[fill]}"'
            f' stroke="{self._colors[edge]}"{thick}{dash}/>'
        )

    def bar(self, x: float, y: float, width: float, height: float, fill: str, *, round_: int = 0) -> None:
        """A filled area without a frame."""
        corners = f' rx="{round_}"' if round_ else ""
        self._shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"{corners} fill="{self._colors[fill]}"/>'
        )

    def line(self, x: float, y: float, to_x: float, to_y: float, color: str = "line", *, dashed: bool = False) -> None:
        dash = ' stroke-dasharray="3 3"' if dashed else ""
        self._shapes.append(
            f'<path d="M{x:g} {y:g}L{to_x:g} {to_y:g}" stroke="{self._colors[color]}" fill="none"{dash}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        said: str,
        *,
        size: int = 13,
        bold: bool = False,
        soft: bool = False,
        color: str = "",
        ends: bool = False,
    ) -> None:
        """A line of text that begins at x, or ends there."""
        weight = ' font-weight="bold"' if bold else ""
        anchor = ' text-anchor="end"' if ends else ""
        ink = self._colors[color or ("soft" if soft else "ink")]
        self._shapes.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}"{weight}{anchor} fill="{ink}">{escape(visible(said))}</text>'
        )

    def arrow(self, x: int, y: int, end: int, said: str) -> None:
        """Straight down from y to end, with a label beside it."""
        ink = self._colors["ink"]
        self._shapes.append(
            f'<path d="M{x} {y}V{end - 8}" stroke="{ink}" stroke-width="2"/>'
            f'<path d="M{x - 6} {end - 10}L{x} {end}L{x + 6} {end - 10}Z" fill="{ink}"/>'
        )
        if said:
            self.text(x + 10, y + 19, said, size=12)

    def document(self, width: int, height: int, title: str, *, kind: str = "") -> str:
        """``kind`` is the class of the element, for a style sheet."""
        of = f' class="{escaped_with_quotes(kind)}"' if kind else ""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            f' font-family="Segoe UI, Helvetica, Arial, sans-serif" role="img"{of}>\n'
            f"<title>{escape(visible(title))}</title>\n"
            f'<rect width="{width}" height="{height}" fill="{self._colors["paper"]}"/>\n'
        )
        return head + "\n".join(self._shapes) + "\n</svg>\n"
