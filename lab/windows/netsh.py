"""``netsh http … sslcert``: the certificates of HTTP.sys, as the console program prints and changes them; ``iisreset``.

Texts as printed by Windows Server 2012; other contexts of netsh are not modelled.
"""

from __future__ import annotations

import re

from lab.powershell.api import NotModelledError, PowerShellError, ProgramResult, Session, program
from lab.windows import iis, services
from lab.windows.iis_config import parse_information
from lab.windows.iis_objects import register
from lab.world import Document

_ELEVATION = "The requested operation requires elevation (Run as administrator)."
_DENIED = (
    "Access denied, you must be an administrator of the remote computer to use this",
    "command. Either have your user account added to the administrator local group",
    "of the remote computer or to the domain administrator global group.",
)
_GUID = re.compile(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", re.IGNORECASE)


def _options(arguments: list[str]) -> dict[str, str]:
    options = {}
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if separator:
            options[name.lower()] = value
    return options


def _failed(what: str, code: int, text: str) -> ProgramResult:
    return ProgramResult(("", f"SSL Certificate {what} failed, Error: {code}", text, ""), exit_code=1)


def _entry(key: str, held: Document) -> list[str]:
    address = key.rpartition(":")[0]
    label = "IP:port" if address.replace(".", "").isdigit() else "Hostname:port"
    return [
        f"    {label:<29}: {key}",
        f"    {'Certificate Hash':<29}: {held['thumbprint'].lower()}",
        f"    {'Application ID':<29}: {held.get('application', '{00000000-0000-0000-0000-000000000000}')}",
        f"    {'Certificate Store Name':<29}: {held['store']}",
        "    Verify Client Certificate Revocation : Enabled",
        "    Verify Revocation Using Cached Client Certificate Only : Disabled",
        "    Usage Check                  : Enabled",
        "    Revocation Freshness Time    : 0 ",
        "    URL Retrieval Timeout        : 0 ",
        "    Ctl Identifier               : (null) ",
        "    Ctl Store Name               : (null) ",
        "    DS Mapper Usage              : Disabled",
        "    Negotiate Client Certificate : Disabled",
        "",
    ]


def _address(options: dict[str, str]) -> str | None:
    """The key of ``ipport=`` or ``hostnameport=``; None when it is missing or malformed."""
    wanted = options.get("ipport") or options.get("hostnameport")
    if wanted is None:
        return None
    try:
        address, port, rest = parse_information(wanted + ":")
    except ValueError:
        return None
    return None if rest or not address else f"{address}:{port}"


def _show(session: Session, options: dict[str, str]) -> ProgramResult:
    held = session.machine.collection("sslbinding")
    if options and _address(options) is None:
        return ProgramResult(("", "The parameter is incorrect.", ""), exit_code=1)
    keys = [_address(options) or ""] if options else list(held)
    if options and keys[0] not in held:
        return ProgramResult(("", "The system cannot find the file specified.", ""), exit_code=1)
    lines = ["", "SSL Certificate bindings: ", "------------------------- ", ""]
    for key in keys:
        lines += _entry(key, held[key])
    return ProgramResult(tuple(lines))


def _add(session: Session, options: dict[str, str]) -> ProgramResult:
    key, thumbprint, application = _address(options), options.get("certhash", ""), options.get("appid", "")
    if key is None or not re.fullmatch(r"[0-9a-fA-F]{40}", thumbprint) or not _GUID.fullmatch(application):
        return ProgramResult(("", "The parameter is incorrect.", ""), exit_code=1)
    if not session.identity.administrator:
        return ProgramResult((_ELEVATION,), exit_code=1)
    if key in session.machine.collection("sslbinding"):
        return _failed("add", 183, "Cannot create a file when that file already exists.")
    try:
        register(session.machine, key, thumbprint, options.get("certstorename", "MY"), application)
    except PowerShellError:
        return _failed("add", 1312, "A specified logon session does not exist. It may already have been terminated.")
    return ProgramResult(("", "SSL Certificate successfully added", ""))


def _delete(session: Session, options: dict[str, str]) -> ProgramResult:
    key = _address(options)
    if key is None:
        return ProgramResult(("", "The parameter is incorrect.", ""), exit_code=1)
    if not session.identity.administrator:
        return ProgramResult((_ELEVATION,), exit_code=1)
    held = session.machine.collection("sslbinding")
    if key not in held:
        return _failed("deletion", 2, "The system cannot find the file specified.")
    del held[key]
    iis.refresh(session.machine.world, session.machine)
    return ProgramResult(("", "SSL Certificate successfully deleted", ""))


@program("netsh.exe")
def netsh(session: Session, arguments: list[str]) -> ProgramResult:
    words = [argument.lower() for argument in arguments if "=" not in argument]
    match words:
        case ["http", "show", "sslcert"]:
            return _show(session, _options(arguments))
        case ["http", "add", "sslcert"]:
            return _add(session, _options(arguments))
        case ["http", "delete", "sslcert"]:
            return _delete(session, _options(arguments))
    raise NotModelledError(f"netsh {' '.join(words)}")


@program("iisreset.exe")
def iisreset(session: Session, arguments: list[str]) -> ProgramResult:
    """Stop and start W3SVC. /stop, /start and /restart; without an argument it restarts."""
    wanted = [argument.lower().lstrip("/-") for argument in arguments]
    wanted = [word for word in wanted if word not in ("noforce", session.machine.name.lower())]
    action = wanted[0] if wanted else "restart"
    if action not in ("stop", "start", "restart") or len(wanted) > 1:
        raise NotModelledError(f"iisreset {' '.join(arguments)}")
    if not session.identity.administrator:
        return ProgramResult(("", *_DENIED), exit_code=5)
    lines: list[str] = []
    if action in ("stop", "restart"):
        services.stop(session.machine, "W3SVC")
        lines += ["", "Attempting stop...", "Internet services successfully stopped"]
    if action in ("start", "restart"):
        services.start(session.machine, "W3SVC")
        lines += [] if action == "restart" else [""]
        done = "restarted" if action == "restart" else "started"
        lines += ["Attempting start...", f"Internet services successfully {done}"]
    return ProgramResult(tuple(lines))
