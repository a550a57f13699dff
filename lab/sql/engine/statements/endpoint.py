"""CREATE, ALTER and DROP ENDPOINT, for database mirroring: what availability groups talk through.

Grammar, defaults and limits: SQL Server documentation of the three statements. An instance has one endpoint of this
type (7862). The default algorithm up to SQL Server 2014 is RC4. Not modelled: endpoints for T-SQL and Service Broker,
addresses other than ALL, what becomes of an endpoint whose certificate is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.sql.api import Event
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.group.connection import ENDPOINT_CLASS
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.statements.database import outside_transaction
from lab.world import Document

STATES = ("STARTED", "STOPPED", "DISABLED")
ROLES = ("WITNESS", "PARTNER", "ALL")
DEFAULTS = {"state": "STOPPED", "encryption": "REQUIRED", "algorithm": "RC4", "authentication": "NEGOTIATE"}
_FIRST_ID = 65536
"""Those that come with the server have smaller ones."""


@dataclass
class Endpoint(Statement):
    verb: str
    name: str
    values: Document = field(default_factory=dict)
    owner: str = ""

    def run(self, frame: Frame) -> Iterator[Event]:
        outside_transaction(frame, f"{self.verb} ENDPOINT")
        {"CREATE": self._create, "ALTER": self._alter, "DROP": self._drop}[self.verb](frame)
        return iter(())

    def _create(self, frame: Frame) -> None:
        session = frame.session
        session.require("CREATE ENDPOINT")
        server = session.server
        if server.documents("endpoint"):
            raise error(7862)
        owner = server.get("login", self.owner or session.login)
        if owner is None:
            raise error(15151, "find", "login", self.owner or session.login)
        if not {"port", "role"} <= set(self.values):
            raise error(102, ")")
        self._check_certificate(frame)
        values = {**DEFAULTS, **self.values, "name": self.name, "id": _FIRST_ID, "owner_id": owner["id"]}
        server.put("endpoint", self.name, values)

    def _check_certificate(self, frame: Frame) -> None:
        name = self.values.get("certificate")
        if name and frame.session.server.get("certificate", name) is None:
            raise error(15151, "find", "certificate", name)

    def _existing(self, frame: Frame) -> Document:
        session = frame.session
        endpoint = session.server.get("endpoint", self.name)
        if endpoint is None or not session.principal.may(session.server, "ALTER ANY ENDPOINT"):
            raise error(15151, self.verb.lower(), "endpoint", self.name)
        return endpoint

    def _alter(self, frame: Frame) -> None:
        self._existing(frame)
        if not self.values:
            raise error(7863)
        self._check_certificate(frame)
        frame.session.server.change("endpoint", self.name, **self.values)

    def _drop(self, frame: Frame) -> None:
        endpoint = self._existing(frame)
        server = frame.session.server
        for key, row in server.items("permission"):
            if (row["class"], row["major"]) == (ENDPOINT_CLASS, endpoint["id"]):
                server.delete("permission", key)
        server.delete("endpoint", self.name)


@statement("CREATE", "ENDPOINT")
def _create(p: Parser) -> Statement:
    name = p.name()
    owner = p.name() if p.accept("AUTHORIZATION") else ""
    return Endpoint("CREATE", name, _body(p, whole=True), owner)


@statement("ALTER", "ENDPOINT")
def _alter(p: Parser) -> Statement:
    return Endpoint("ALTER", p.name(), _body(p, whole=False))


@statement("DROP", "ENDPOINT")
def _drop(p: Parser) -> Statement:
    return Endpoint("DROP", p.name())


def _body(p: Parser, *, whole: bool) -> Document:
    values: Document = {}
    if p.accept("STATE"):
        p.expect("=")
        values["state"] = p.one_of(*STATES)
    if whole or p.at("AS"):
        p.expect("AS")
        if not p.accept("TCP"):
            p.fail(p.token)
        values.update(_listener(p))
    if whole or p.at("FOR"):
        p.expect("FOR")
        if p.at_any("TSQL", "SERVICE_BROKER"):
            raise not_modelled(f"an endpoint for {p.token.upper}")
        p.expect("DATABASE_MIRRORING")
        values.update(_mirroring(p))
    return values


def _listener(p: Parser) -> Document:
    found: Document = {}
    p.expect("(")
    while not p.accept(")"):
        word = p.one_of("LISTENER_PORT", "LISTENER_IP")
        p.expect("=")
        if word == "LISTENER_PORT":
            found["port"] = p.integer()
        elif not p.accept("ALL"):
            raise not_modelled("an endpoint on one address only")
        p.accept(",")
    return found


def _mirroring(p: Parser) -> Document:
    found: Document = {}
    p.expect("(")
    while not p.accept(")"):
        word = p.one_of("AUTHENTICATION", "ENCRYPTION", "ROLE")
        p.expect("=")
        if word == "ROLE":
            found["role"] = p.one_of(*ROLES)
        elif word == "AUTHENTICATION":
            found.update(_authentication(p))
        else:
            found["encryption"] = p.one_of("DISABLED", "SUPPORTED", "REQUIRED")
            if found["encryption"] != "DISABLED" and p.accept("ALGORITHM"):
                found["algorithm"] = _algorithm(p)
        p.accept(",")
    return found


def _authentication(p: Parser) -> Document:
    """By Windows, by a certificate, or by both, in the order in which they are tried."""
    ways: list[str] = []
    certificate = ""
    words = {"WINDOWS", "CERTIFICATE"}
    while words and (not ways or p.at_any(*words)):
        word = p.one_of(*words)
        words.discard(word)
        if word == "WINDOWS":
            ways.append(p.next().upper if p.at_any("NTLM", "KERBEROS", "NEGOTIATE") else "NEGOTIATE")
        else:
            ways.append(word)
            certificate = p.name()
    return {"authentication": ", ".join(ways), "certificate": certificate}


def _algorithm(p: Parser) -> str:
    names = [p.one_of("AES", "RC4")]
    if p.at_any("AES", "RC4"):
        names.append(p.one_of(*{"AES", "RC4"} - set(names)))
    return " ".join(names)
