"""System.Xml.XmlDocument, as scripts read documents with it: LoadXml, GetElementsByTagName, children by name.

An element shows its children as properties, as PowerShell's adapter does: one that holds only text as its text, any
other as an element, several of one name as an array. Writing and XPath are not modelled.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from lab.powershell.api import DotNet, NotModelledError, PowerShellError, PSObject, Session, dotnet


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


class _Node(PSObject):
    """What a document and an element have in common: children and a search among all descendants."""

    def show(self, children: list[ElementTree.Element]) -> None:
        by_name: dict[str, list[Any]] = {}
        for child in children:
            plain = not len(child) and not child.attrib
            by_name.setdefault(_local(child), []).append((child.text or "") if plain else _element(child))
        for name, found in by_name.items():
            self.set(name, found[0] if len(found) == 1 else found)
        self.methods["get_item"] = lambda name: next((_element(c) for c in children if _local(c) == name), None)
        self.methods["getelementsbytagname"] = lambda name: [
            _element(found) for child in children for found in child.iter() if name in ("*", _local(found))
        ]


def _element(element: ElementTree.Element) -> _Node:
    node = _Node("System.Xml.XmlElement", dict(element.attrib))
    node.show(list(element))
    for name, value in (("LocalName", _local(element)), ("InnerText", "".join(element.itertext()))):
        if node.name_of(name) is None:
            node.set(name, value)
    return node


@dotnet("System.Xml.XmlDocument", "Xml.XmlDocument")
class XmlDocument(DotNet):
    """A document from text: ``[xml]`` of a string, or ``New-Object`` and LoadXml."""

    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        document = _Node("System.Xml.XmlDocument")
        document.show([])

        def load(text: Any) -> None:
            try:
                root = ElementTree.fromstring(str(text).lstrip("\ufeff"))  # noqa: S314 - a file of the lab's own disk
            except ElementTree.ParseError as error:
                raise PowerShellError(
                    f"The document is not well-formed ({error}).",
                    "XmlException",
                    exception_type="System.Xml.XmlException",
                ) from None
            document.show([root])
            document.set("DocumentElement", _element(root))

        document.methods["loadxml"] = load
        if arguments and not isinstance(arguments[0], str):
            raise NotModelledError(f"an XmlDocument from {type(arguments[0]).__name__}")
        if arguments:
            load(arguments[0])
        return document
