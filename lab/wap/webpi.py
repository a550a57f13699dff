"""WebpiCmd.exe, the command line of the Web Platform Installer.

Options and the lines quoted in docs/lab/wap.md are the program's; the wording of progress, of the refusal in a network
log-on and the exit code of a failure are the lab's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

from lab.files import LabFileError, resolve
from lab.powershell.api import PROGRAMS, NotModelledError, ProgramResult, Session, StreamingProgram
from lab.wap import installer, local
from lab.wap.catalogue import Component
from lab.wap.feed import Product, component_of, products, read

FOLDER = "C:\\Program Files\\Microsoft\\Web Platform Installer"
PROGRAM_NAMES = ("WebpiCmd.exe", "WebpiCmd-x64.exe")
PRIMARY_FEED = "https://go.microsoft.com/?linkid=9842185"
_SWITCHES = {"install", "list", "offline", "accepteula", "suppressreboot", "forcereboot", "iisexpress", "?", "help"}
_VALUES = {"products", "log", "xml", "feeds", "language", "listoption", "path", "sqlpassword", "mysqlpassword"}
_LIST_OPTIONS = ("all", "available", "feeds", "installed", "languages")


class _UsageError(Exception):
    """The command line makes no sense."""


class _FailedError(Exception):
    """The work failed; the message is the last line but the result."""


@dataclass
class _Output:
    """Lines for the console and for the log file, while the work goes on."""

    write: Callable[[str], None]
    write_log: Callable[[str], None] | None = None

    def tell(self, line: str) -> None:
        self.write(line)
        if self.write_log:
            self.write_log(line)


def run(session: Session, arguments: list[str], write: Callable[[str], None]) -> ProgramResult:
    """The program itself; ``arguments`` without the program's name, ``write`` takes each line of standard output."""
    output = _Output(write)
    try:
        options = _options(arguments)
        output.write_log = _log(session, options.get("log"))
        _work(session, options, output)
    except _UsageError as error:
        return ProgramResult((str(error),), (), -1)
    except _FailedError as error:
        output.tell(str(error))
        return ProgramResult(exit_code=-1)
    return ProgramResult()


def _work(session: Session, options: dict[str, str], output: _Output) -> None:
    if "list" in options:
        _list(session, options, output)
    elif "install" in options:
        _install(session, options, output)
    elif "offline" in options:
        raise NotModelledError("WebpiCmd /Offline: the lab's offline cache is there from the beginning")
    else:
        raise _UsageError("Specify /Install, /List or /Offline.")


def _options(arguments: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for argument in arguments:
        name, colon, value = argument.lstrip("/-").partition(":")
        key = name.lower()
        if argument[:1] not in "/-" or (key not in _SWITCHES and key not in _VALUES) or bool(colon) != (key in _VALUES):
            raise _UsageError(f"Invalid option: {argument}")
        options[key] = value.strip('"')
    return options


def _log(session: Session, path: str | None) -> Callable[[str], None] | None:
    if not path:
        return None
    try:
        file = resolve(session.machine.world, session.machine, path, session.identity.user, True)
    except LabFileError as error:
        raise _FailedError(f"The log file '{path}' cannot be written: {error}") from None
    file.write_text("", encoding="utf-8")

    def append(line: str) -> None:
        with file.open("a", encoding="utf-8") as handle:
            handle.write(f"WebPiCmd Information: 0 : {line}\r\n")

    return append


def _feeds(options: dict[str, str]) -> list[str]:
    return [*([options["xml"]] if options.get("xml") else []), *filter(None, options.get("feeds", "").split(","))]


def _load(session: Session, options: dict[str, str], output: _Output) -> dict[str, Product]:
    """Products of the feeds. The default feed cannot be loaded: the service is retired."""
    found: dict[str, Product] = {}
    if not options.get("xml"):
        output.tell(f"Failed to Load feed: {PRIMARY_FEED}")
        output.tell("The remote name could not be resolved: 'go.microsoft.com'")
    for source in _feeds(options):
        try:
            found.update(products(read(session, source), source))
        except LabFileError as error:
            output.tell(f"Failed to Load feed: {source}")
            output.tell(f"Could not find file '{source}'." if error.code in (2, 3) else str(error))
            continue
        except ElementTree.ParseError as error:
            output.tell(f"Failed to Load feed: {source}")
            output.tell(str(error))
            continue
        output.tell(f"Successfully loaded primary feed: {source}")
    return found


def _components(known: dict[str, Product], product: Product) -> list[Product]:
    """The entries with installers that a product consists of: its own and those it depends on, each once, in order."""
    found: dict[str, Product] = {}
    for name in product.needs:
        needed = known.get(name.lower(), Product(name, name))
        found |= {one.identifier: one for one in _components(known, needed)}
    if product.files or not product.needs:
        found[product.identifier] = product
    return list(found.values())


def _is_installed(session: Session, known: dict[str, Product], product: Product) -> bool:
    return all(local.installed(session.machine, one.identifier) for one in _components(known, product))


def _packages(session: Session, known: dict[str, Product], chosen: list[Product]) -> list[Component]:
    """What the installers of the products are, read from the cache before anything is installed."""
    found: dict[str, Component] = {}
    for product in chosen:
        for one in _components(known, product):
            for path in one.files:
                try:
                    component = component_of(read(session, path))
                except LabFileError as error:
                    raise _FailedError(f"Download of '{path}' failed: {error}") from None
                if component is None:
                    raise _FailedError(f"The installer '{path}' is not valid.")
                found[component.name] = component
            if not one.files:
                raise _FailedError(f"Install of Products: FAILURE ({one.identifier})")
    return list(found.values())


def _list(session: Session, options: dict[str, str], output: _Output) -> None:
    wanted = options.get("listoption", "").lower()
    if wanted not in _LIST_OPTIONS:
        raise _UsageError("Specify /ListOption:All, Available, Feeds, Installed or Languages.")
    known = _load(session, options, output)
    if wanted in ("feeds", "languages"):
        output.tell({"feeds": options.get("xml", PRIMARY_FEED), "languages": "en"}[wanted])
        return
    for product in known.values():
        present = _is_installed(session, known, product)
        if wanted == "all" or present == (wanted == "installed"):
            output.tell(f"{product.identifier:<48}{product.title}")


def _install(session: Session, options: dict[str, str], output: _Output) -> None:
    names = [name.strip() for name in options.get("products", "").split(",") if name.strip()]
    if not names:
        raise _UsageError("Specify /Products:<ID1,ID2>.")
    if session.logon == "network":
        raise _FailedError("Access is denied. (Exception from HRESULT: 0x80070005 (E_ACCESSDENIED))")
    if not session.identity.administrator:
        raise _FailedError("The Web Platform Installer needs the rights of an administrator.")
    known = _load(session, options, output)
    absent = [name for name in names if name.lower() not in known or _is_installed(session, known, known[name.lower()])]
    if absent:
        output.tell(
            f"The following products are not available on this machine or already installed: {', '.join(absent)}"
        )
    chosen = [known[name.lower()] for name in names if name not in absent]
    if not chosen:
        output.tell("No products to be installed (either not available or already installed)")
        return
    if "accepteula" not in options:
        raise _FailedError("The license terms have to be accepted: use /AcceptEula.")
    output.tell("The following software is going to be installed:")
    for product in chosen:
        output.tell(f"  {product.title}")
    packages = _packages(session, known, chosen)
    todo = [component for component in packages if not local.installed(session.machine, component.name)]
    if not installer.install(session.machine, todo, output.tell):
        raise _FailedError("Install of Products: FAILURE")
    output.tell("Verifying successful installation...")
    for product in chosen:
        output.tell(f"{product.title}: {_is_installed(session, known, product)}")
    output.tell("Install of Products: SUCCESS")


for _program in PROGRAM_NAMES:
    PROGRAMS[_program.lower()] = StreamingProgram(run)
