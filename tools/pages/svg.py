"""The few shapes of a picture as SVG text: the same calls give the same bytes, with no font but the reader's own."""

from __future__ import annotations

from xml.sax.saxutils import escape

INK, SOFT, LINE = "#1f2933", "#52606d", "#9aa5b1"


class Svg:
    """Collects shapes, then gives the whole document."""

    def __init__(self) -> None:
        self._shapes: list[str] = []

    def box(self, x: int, y: int, width: int, height: int, fill: str, *, dashed: bool = False) -> None:
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._shapes.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="{LINE}"{dash}/>'
        )

    def text(self, x: int, y: int, said: str, *, size: int = 13, bold: bool = False, soft: bool = False) -> None:
        """A line of text that begins at x."""
        weight = ' font-weight="bold"' if bold else ""
        color = SOFT if soft else INK
        self._shapes.append(f'<text x="{x}" y="{y}" font-size="{size}"{weight} fill="{color}">{escape(said)}</text>')

    def arrow(self, x: int, y: int, end: int, said: str) -> None:
        """Straight down from y to end, with a label beside it."""
        self._shapes.append(
            f'<path d="M{x} {y}V{end - 8}" stroke="{INK}" stroke-width="2"/>'
            f'<path d="M{x - 6} {end - 10}L{x} {end}L{x + 6} {end - 10}Z" fill="{INK}"/>'
        )
        if said:
            self.text(x + 10, y + 19, said, size=12)

    def document(self, width: int, height: int, title: str) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            f' font-family="Segoe UI, Helvetica, Arial, sans-serif" role="img">\n<title>{escape(title)}</title>\n'
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        )
        return head + "\n".join(self._shapes) + "\n</svg>\n"
