"""Transparent data encryption: the master key and the certificates of master, and the key of a database.

Rules: SQL Server documentation of the statements and "Transparent Data Encryption (TDE)". A database's key is protected
by a certificate of master, goes along with its backups, and a server without that certificate and its private key
restores none of them (33111). Texts of the errors: list of messages. Unproven: which of the errors comes first; that a
database is encrypted at once (state 3). Not modelled: keys and certificates of other databases, asymmetric keys, key
management providers, certificates made from assemblies, ALTER and a certificate's dates.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from lab.files import LabFileError
from lab.sql.api import Event
from lab.sql.engine.backup.media import locate
from lab.sql.engine.database import SYSTEM, Database
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.storage.space import View
from lab.world import Document

FIRST_CERTIFICATE = 256
_MAGIC = "LAB-SQL-CERTIFICATE-1"


def key_of(database: Document, view: View) -> Document | None:
    """The encryption key of a database: {"thumbprint", "algorithm", "state"}; None without one."""
    return view.get("option", "encryption")


def protector(server: View, thumbprint: str) -> Document | None:
    """The certificate of master with a thumbprint, if the server can use its private key."""
    return next(
        (one for one in server.documents("certificate") if one["thumbprint"] == thumbprint and one["key"] == "MK"), None
    )


def _in_master(frame: Frame, what: str) -> View:
    frame.session.require("CONTROL SERVER")
    if frame.session.database.lower() != "master":
        raise not_modelled(f"{what} of another database than master")
    return frame.session.server


@dataclass
class MasterKey(Statement):
    create: bool

    def run(self, frame: Frame) -> Iterator[Event]:
        server = _in_master(frame, "the master key")
        if self.create:
            if server.get("master-key", "master") is not None:
                raise error(15578)
            server.put("master-key", "master", {"created": frame.session.instance.world.clock.now().isoformat()})
            return iter(())
        if server.get("master-key", "master") is None:
            raise error(15151, "drop", "symmetric key", "master key")
        if any(one["key"] == "MK" for one in server.documents("certificate")):
            raise error(15580)
        server.delete("master-key", "master")
        return iter(())


@dataclass(frozen=True)
class KeyFile:
    path: str
    password: str


@dataclass
class CreateCertificate(Statement):
    name: str
    subject: str = ""
    file: str = ""
    key: KeyFile | None = None

    def run(self, frame: Frame) -> Iterator[Event]:
        server = _in_master(frame, "certificates")
        if server.get("certificate", self.name) is not None:
            raise error(15232, self.name)
        private = self.key is not None or not self.file
        if private and server.get("master-key", "master") is None:
            raise error(15581)
        made = self._read(frame) if self.file else {"thumbprint": secrets.token_hex(20), "subject": self.subject}
        if any(one["thumbprint"] == made["thumbprint"] for one in server.documents("certificate")):
            raise error(15232, self.name)
        number = max([FIRST_CERTIFICATE, *(one["id"] + 1 for one in server.documents("certificate"))])
        now = frame.session.instance.world.clock.now().isoformat()
        document = {**made, "name": self.name, "id": number, "key": "MK" if private else "NA", "created": now}
        server.put("certificate", self.name, document)
        return iter(())

    def _read(self, frame: Frame) -> Document:
        certificate = _content(frame, self.file, "certificate")
        if self.key is not None:
            private = _content(frame, self.key.path, "private key")
            if private["thumbprint"] != certificate["thumbprint"]:
                raise error(15208)
            if private["secret"] != _digest(self.key.password):
                raise error(15465)
        return {"thumbprint": certificate["thumbprint"], "subject": certificate["subject"]}


@dataclass
class BackUpCertificate(Statement):
    name: str
    file: str
    key: KeyFile | None = None

    def run(self, frame: Frame) -> Iterator[Event]:
        found = _in_master(frame, "certificates").get("certificate", self.name)
        if found is None:
            raise error(15151, "find", "certificate", self.name)
        body = {"thumbprint": found["thumbprint"], "subject": found["subject"]}
        _write(frame, self.file, {**body, "of": "certificate"})
        if self.key is not None:
            _write(frame, self.key.path, {**body, "of": "private key", "secret": _digest(self.key.password)})
        return iter(())


@dataclass
class DropCertificate(Statement):
    name: str

    def run(self, frame: Frame) -> Iterator[Event]:
        session, server = frame.session, _in_master(frame, "certificates")
        found = server.get("certificate", self.name)
        if found is None:
            raise error(15151, "drop", "certificate", self.name)
        for document in server.documents("database"):
            database = session.find_database(document["name"])
            key = database and key_of(document, database.view)
            if key and key["thumbprint"] == found["thumbprint"]:
                raise error(3716, "certificate", self.name, "database encryption key")
        if any(one.get("certificate", "").lower() == self.name.lower() for one in server.documents("endpoint")):
            raise not_modelled("dropping the certificate of an endpoint")
        server.delete("certificate", self.name)
        return iter(())


@dataclass
class CreateDatabaseKey(Statement):
    algorithm: str
    certificate: str

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        session.require("CONTROL SERVER")
        database = session.open()
        if database.name.lower() in SYSTEM:
            raise error(33102)
        if key_of(database.document, database.view) is not None:
            raise error(33103)
        found = session.server.get("certificate", self.certificate)
        if found is None:
            raise error(15151, "find", "certificate", self.certificate)
        if found["key"] != "MK":
            raise error(33101, "certificate", self.certificate, "certificate")
        key = {"thumbprint": found["thumbprint"], "algorithm": self.algorithm, "state": 1}
        database.view.put("option", "encryption", {**key, "created": session.instance.world.clock.now().isoformat()})
        return iter(())


def set_encryption(database: Database, *, on: bool) -> None:
    """ALTER DATABASE … SET ENCRYPTION. Raises 33106, 33107, 33108."""
    key = key_of(database.document, database.view)
    if key is None:
        raise error(33106)
    if on == (key["state"] == 3):
        raise error(33107 if on else 33108)
    database.view.put("option", "encryption", {**key, "state": 3 if on else 1})


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _content(frame: Frame, path: str, what: str) -> Document:
    instance = frame.session.instance
    try:
        found: Document = json.loads(locate(instance.world, instance.machine, path, write=False).read_bytes())
    except (LabFileError, OSError, ValueError):
        raise error(15208) from None
    if not isinstance(found, dict) or found.get("magic") != _MAGIC or found.get("of") != what:
        raise error(15208)
    return found


def _write(frame: Frame, path: str, body: Document) -> None:
    instance = frame.session.instance
    try:
        file = locate(instance.world, instance.machine, path, write=True)
    except LabFileError:
        raise error(15240, path) from None
    if file.exists():
        raise error(15240, path)
    file.write_text(json.dumps({"magic": _MAGIC, **body}), encoding="utf-8")


def _password(p: Parser, verb: str) -> str:
    p.expect(verb, "BY", "PASSWORD", "=")
    return p.string()


def _private_key(p: Parser, verb: str) -> KeyFile | None:
    if not p.accept("WITH", "PRIVATE", "KEY"):
        return None
    p.expect("(")
    p.expect("FILE", "=")
    path = p.string()
    p.expect(",")
    password = _password(p, verb)
    if not p.accept(")"):
        raise not_modelled("a private key that a password protects on the server")
    return KeyFile(path, password)


@statement("CREATE", "MASTER", "KEY")
def _create_key(p: Parser) -> Statement:
    _password(p, "ENCRYPTION")
    return MasterKey(create=True)


@statement("DROP", "MASTER", "KEY")
def _drop_key(p: Parser) -> Statement:
    return MasterKey(create=False)


@statement("CREATE", "CERTIFICATE")
def _create(p: Parser) -> Statement:
    name = p.name()
    if p.accept("FROM"):
        p.expect("FILE", "=")
        file = p.string()
        return CreateCertificate(name, file=file, key=_private_key(p, "DECRYPTION"))
    if p.at_any("ENCRYPTION", "AUTHORIZATION"):
        raise not_modelled("certificates of other owners, and private keys that a password protects")
    p.expect("WITH", "SUBJECT", "=")
    subject = p.string()
    if p.at(","):
        raise not_modelled("the dates of a certificate")
    return CreateCertificate(name, subject=subject)


@statement("BACKUP", "CERTIFICATE")
def _back_up(p: Parser) -> Statement:
    name = p.name()
    p.expect("TO", "FILE", "=")
    file = p.string()
    return BackUpCertificate(name, file, _private_key(p, "ENCRYPTION"))


@statement("DROP", "CERTIFICATE")
def _drop(p: Parser) -> Statement:
    return DropCertificate(p.name())


@statement("CREATE", "DATABASE", "ENCRYPTION")
def _database_key(p: Parser) -> Statement:
    p.expect("KEY", "WITH", "ALGORITHM", "=")
    algorithm = p.one_of("AES_128", "AES_192", "AES_256", "TRIPLE_DES_3KEY")
    p.expect("ENCRYPTION", "BY", "SERVER")
    if not p.accept("CERTIFICATE"):
        raise not_modelled("asymmetric keys")
    return CreateDatabaseKey(algorithm, p.name())
