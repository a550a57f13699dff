"""HTML as values: what is a ``str`` is text and gets escaped, what is ``Html`` is markup of this package."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from operations.row import Status
from remote.secret import redact
from remote.text import visible


@dataclass(frozen=True)
class Html:
    """Markup. Everything in it that is text is escaped already."""

    markup: str
    """HTML 5, to be written into the page as it is."""


Child = Html | str
VOID = frozenset({"meta", "br"})
"""Elements without an end tag."""
SYMBOLS = {Status.OK: "✓", Status.WARNING: "!", Status.WRONG: "✕", Status.UNCHECKED: "?"}
COLORS = {Status.OK: "ok", Status.WARNING: "warning", Status.WRONG: "wrong", Status.UNCHECKED: "unchecked"}
"""Classes of the style sheet, and names of its colours."""
WORDS = {Status.OK: "holds", Status.WARNING: "warning", Status.WRONG: "wrong", Status.UNCHECKED: "not checked"}


def escaped(text: str) -> str:
    """A text for HTML, attributes included: secrets masked, control characters shown escaped, markup escaped."""
    return html.escape(visible(redact(text)))


def together(children: Iterable[Child]) -> Html:
    return Html("".join(one.markup if isinstance(one, Html) else escaped(one) for one in children))


def tag(element: str, /, *children: Child, **attributes: str) -> Html:
    """An element. Of an attribute's name the last underscore goes, and any other one is a hyphen; one without a value
    is left out."""
    said = "".join(
        f' {key.removesuffix("_").replace("_", "-")}="{escaped(value)}"' for key, value in attributes.items() if value
    )
    end = "" if element in VOID else f"</{element}>"
    return Html(f"<{element}{said}>{together(children).markup}{end}")


def state(status: Status, said: str = "") -> Html:
    """A state as symbol, word and colour."""
    return chip(COLORS[status], SYMBOLS[status], said or WORDS[status])


def chip(kind: str, symbol: str, said: str) -> Html:
    return tag("span", tag("span", symbol, aria_hidden="true"), f" {said}", class_=f"state {kind}")


def wide(label: str, *children: Child) -> Html:
    """A box in which what is too wide scrolls by itself, also with the keyboard."""
    return tag("div", *children, class_="wide", role="region", aria_label=label, tabindex="0")


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Child]], *, label: str = "") -> Html:
    """A table whose first column names the row; nothing where there is no row. ``label`` is what tells it from others
    of the same caption."""
    lines = [tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in others)) for first, *others in rows]
    if not lines:
        return Html("")
    head = tag("thead", tag("tr", *(tag("th", one, scope="col") for one in heads)))
    return wide(label or caption, tag("table", tag("caption", caption), head, tag("tbody", *lines)))


def lines(texts: Iterable[str]) -> Html:
    """Each on a line of its own."""
    found: list[Child] = []
    for text in texts:
        found += [tag("br"), text] if found else [text]
    return together(found)
