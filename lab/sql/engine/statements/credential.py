"""CREATE and DROP CREDENTIAL: an identity and a secret that a login may be mapped to.

Rules: SQL Server documentation of the statements. The secret is taken and forgotten: nothing shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.storage.space import View

FIRST = 65536


def credential_number(server: View, name: str | None) -> int | None:
    """The number of a credential, which must exist; None for none."""
    if not name:
        return None
    found = server.get("credential", name)
    if found is None:
        raise error(15151, "find", "credential", name)
    return int(found["id"])


@dataclass
class Credential(Statement):
    verb: str
    name: str
    identity: str = ""

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        session.require("ALTER ANY CREDENTIAL")
        server = session.server
        found, now = server.get("credential", self.name), session.instance.world.clock.now().isoformat()
        if self.verb == "CREATE":
            if found is not None:
                raise error(15530, self.name)
            number = max([FIRST, *(one["id"] + 1 for one in server.documents("credential"))])
            document = {"name": self.name, "id": number, "identity": self.identity, "created": now, "modified": now}
            server.put("credential", self.name, document)
            return iter(())
        if found is None:
            raise error(15151, "drop", "credential", self.name)
        if any(login.get("credential") == found["id"] for login in server.documents("login")):
            raise error(15141, "credential mapping")
        server.delete("credential", self.name)
        return iter(())


def _parse(verb: str, p: Parser) -> Statement:
    name = p.name()
    if verb == "DROP":
        return Credential(verb, name)
    p.expect("WITH", "IDENTITY", "=")
    identity = p.string()
    if p.accept(","):
        p.expect("SECRET", "=")
        p.string()
    if p.accept("FOR"):
        raise not_modelled("credentials of key management providers")
    return Credential(verb, name, identity)


@statement("CREATE", "CREDENTIAL")
def _create(p: Parser) -> Statement:
    return _parse("CREATE", p)


@statement("ALTER", "CREDENTIAL")
def _alter(p: Parser) -> Statement:
    raise not_modelled("ALTER CREDENTIAL")


@statement("DROP", "CREDENTIAL")
def _drop(p: Parser) -> Statement:
    return _parse("DROP", p)
