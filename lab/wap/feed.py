"""The Web Platform Installer's product feed and the MSI files: data on a disk, made at the beginning.

The catalogue on the internet is gone since 2022, so an administrator keeps an offline cache. Its feed names the file of
every installer relative to itself (IIS docs, "WebPI v4 command line", offline cache). The lab's MSI files are small
JSON texts that say which component they are; a copy under another name is still that component.
"""

from __future__ import annotations

import json
import ntpath
from dataclasses import dataclass
from xml.etree import ElementTree

from lab.powershell.api import Session
from lab.wap.catalogue import COMPONENTS, Component
from lab.wap.releases import Release

_ATOM = "{http://www.w3.org/2005/Atom}"
FEED_PATH = "feeds\\latest\\webproductlist.xml"
INSTALLERS = "installers"


@dataclass(frozen=True)
class Product:
    """An entry of a feed."""

    identifier: str
    title: str
    needs: tuple[str, ...] = ()
    """Identifiers of the entries it depends on, in order."""
    files: tuple[str, ...] = ()
    """Where its installers lie."""


def feed_text(release: Release) -> str:
    """A feed with every product of a release, and its components as entries that the products depend on."""
    ElementTree.register_namespace("", _ATOM.strip("{}"))
    feed = ElementTree.Element(_ATOM + "feed")
    _add(feed, "title", "Web Platform Installer products")
    for identifier, (title, components) in release.products.items():
        both = _add(_add(_entry(feed, identifier, title), "dependency"), "and")
        for component in components:
            _add(_add(both, "dependency"), "productId", component)
    for name in release.components:
        installers = _add(_entry(feed, name, COMPONENTS[name].title), "installers")
        file = _add(_add(installers, "installer"), "installerFile")
        _add(file, "relativeInstallerURL", "../../" + installer_path(name).replace("\\", "/"))
    return ElementTree.tostring(feed, encoding="unicode", xml_declaration=True)


def installer_path(component: str) -> str:
    """Where a component's installer lies in the cache."""
    return f"{INSTALLERS}\\{component}\\{component}.msi"


def _entry(feed: ElementTree.Element, identifier: str, title: str) -> ElementTree.Element:
    entry = _add(feed, "entry")
    _add(entry, "productId", identifier)
    _add(entry, "title", title)
    return entry


def _add(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, _ATOM + name)
    child.text = text
    return child


def products(text: str, path: str) -> dict[str, Product]:
    """The entries of the feed at a path, by lower-case identifier. Raises ElementTree.ParseError."""
    found, folder = {}, ntpath.dirname(path)
    for entry in ElementTree.fromstring(text).iter(_ATOM + "entry"):  # noqa: S314 - a file of the lab's own disk
        identifier = entry.findtext(_ATOM + "productId") or ""
        title = entry.findtext(_ATOM + "title") or identifier
        needs = [node.text or "" for node in entry.iterfind(f"{_ATOM}dependency//{_ATOM}productId")]
        relative = [node.text or "" for node in entry.iterfind(f"{_ATOM}installers//{_ATOM}relativeInstallerURL")]
        files = [ntpath.normpath(ntpath.join(folder, name)) for name in relative]
        found[identifier.lower()] = Product(identifier, title, tuple(needs), tuple(files))
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
