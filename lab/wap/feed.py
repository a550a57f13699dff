"""The Web Platform Installer's product feed and the MSI files: data on a disk, made at the beginning.

The catalogue on the internet is gone since 2022, so an administrator keeps an offline cache. The lab's MSI files are
small JSON texts that say which component they are; a copy under another name is still that component.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.etree import ElementTree

from lab.powershell.api import Session
from lab.wap.catalogue import COMPONENTS, PRODUCTS, Component

_ATOM = "{http://www.w3.org/2005/Atom}"
FEED_PATH = "feeds\\latest\\webproductlist.xml"
MSI_FOLDER = "WindowsAzurePack2013"


@dataclass(frozen=True)
class Product:
    identifier: str
    title: str
    components: tuple[str, ...]


def feed_text() -> str:
    """A feed with every product of the catalogue, its components as dependencies."""
    ElementTree.register_namespace("", _ATOM.strip("{}"))
    feed = ElementTree.Element(_ATOM + "feed")
    ElementTree.SubElement(feed, _ATOM + "title").text = "Web Platform Installer products"
    for identifier, (title, components) in PRODUCTS.items():
        entry = ElementTree.SubElement(feed, _ATOM + "entry")
        ElementTree.SubElement(entry, _ATOM + "productId").text = identifier
        ElementTree.SubElement(entry, _ATOM + "title").text = title
        for component in components:
            dependency = ElementTree.SubElement(entry, _ATOM + "dependency")
            ElementTree.SubElement(dependency, _ATOM + "productId").text = component
    return ElementTree.tostring(feed, encoding="unicode", xml_declaration=True)


def products(text: str) -> dict[str, Product]:
    """The products of a feed by lower-case identifier. Raises ElementTree.ParseError."""
    found = {}
    for entry in ElementTree.fromstring(text).iter(_ATOM + "entry"):  # noqa: S314 - a file of the lab's own disk
        identifier = entry.findtext(_ATOM + "productId") or ""
        components = [node.text or "" for node in entry.findall(f"{_ATOM}dependency/{_ATOM}productId")]
        title = entry.findtext(_ATOM + "title") or identifier
        found[identifier.lower()] = Product(identifier, title, tuple(components))
    return found


def msi_text(component: Component) -> str:
    return json.dumps({"component": component.name, "title": component.title})


def component_of(text: str) -> Component | None:
    """Which component an MSI file is, None for a file that is none."""
    try:
        return COMPONENTS.get(json.loads(text)["component"])
    except (ValueError, KeyError, TypeError):
        return None


def read(session: Session, path: str) -> str:
    """A file as the session's account may read it. Raises LabFileError (5 for the second hop of a network log-on)."""
    from lab.files import LabFileError, resolve
    from lab.windows.logons import ANONYMOUS, account_towards

    account = session.identity.user
    if path.startswith("\\\\"):
        try:
            server = session.machine.world.machine(path[2:].split("\\")[0])
        except KeyError:
            raise LabFileError(53, path) from None
        if account_towards(session, server) == ANONYMOUS:
            raise LabFileError(5, path)
    file = resolve(session.machine.world, session.machine, path, account, False)
    if not file.is_file():
        raise LabFileError(5, path)
    return file.read_text(encoding="utf-8")
