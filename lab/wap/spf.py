"""Service Provider Foundation: the site SPF on an SPF server, its authentication and its database.

Basic authentication against the server's local accounts first, one local group for each service (reference: dn554315
and the screenshots named in docs/lab/wap.md), the database SCSPFDB through the listener as the domain's service
account.
"""

from __future__ import annotations

import base64
import binascii
import re
from xml.sax.saxutils import escape

from lab.sql.api import SqlError
from lab.wap.answers import failure, not_found, page, unauthorized
from lab.wap.database import Target, connected, run
from lab.world import Identity, Machine, Request, Response

SITE = "SPF"
DATABASE = "SCSPFDB"
REGISTRY = "HKLM\\SOFTWARE\\Microsoft\\Service Provider Foundation"

_SERVICE = re.compile(r"/(?:sc2012(?:r2)?/)?(admin|vmm|provider|usage)(?:/microsoft\.management\.odata\.svc)?/?", re.I)
_GROUPS = {"admin": "SPF_Admin", "vmm": "SPF_VMM", "provider": "SPF_Provider", "usage": "SPF_Usage"}
_SETS = {
    "admin": ("Servers", "Stamps", "Tenants"),
    "vmm": ("Clouds", "HardwareProfiles", "Jobs", "LogicalNetworks", "VirtualMachines", "VMTemplates"),
    "provider": ("Subscriptions",),
    "usage": ("UsageRecords",),
}


def handle(machine: Machine, request: Request) -> Response:
    """Answer one request to the site SPF."""
    realm = machine.world.topology.get("spf", {}).get("name", machine.fqdn)
    who = _authenticate(machine, request.headers.get("authorization", ""))
    if who is None:
        return unauthorized(f'Basic realm="{realm}"')
    match = _SERVICE.fullmatch(request.path)
    if match is None:
        return not_found()
    service = match[1].lower()
    if not _member(machine, who, _GROUPS[service]):
        return page("403 - Forbidden", "<h2>403 - Forbidden: Access is denied.</h2>", 403)
    try:
        _use_database(machine)
    except SqlError:
        return failure()
    return _service_document(f"https://{realm}:{request.port}{request.path}", service)


def _authenticate(machine: Machine, header: str) -> Identity | None:
    from lab import identity

    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return identity.authenticate(machine.world, machine, user, password) if colon else None


def _member(machine: Machine, who: Identity, group: str) -> bool:
    wanted = f"{machine.name}\\{group}".lower()
    return any(name.lower() == wanted for name in who.groups)


def _use_database(machine: Machine) -> None:
    """One query as the service account; an SPF whose SQL Server is not part of the lab has nothing to ask."""
    from lab import identity

    known = machine.collection("spf").get("configuration")
    if known is None or not known.get("server"):
        return
    account = identity.identity(machine.world, machine, known["account"])
    with connected(machine, Target(known["server"], DATABASE), account, "Service Provider Foundation") as session:
        run(session, "SELECT COUNT(*) AS n FROM sys.tables")


def _service_document(base: str, service: str) -> Response:
    collections = "".join(
        f'<collection href="{name}"><atom:title>{name}</atom:title></collection>' for name in _SETS[service]
    )
    text = (
        '<?xml version="1.0" encoding="utf-8" standalone="yes"?>'
        f'<service xml:base="{escape(base)}" xmlns="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<workspace><atom:title>Default</atom:title>{collections}</workspace></service>"
    )
    headers = {"Content-Type": "application/xml;charset=utf-8", "DataServiceVersion": "1.0;"}
    return Response(200, headers, text.encode())
