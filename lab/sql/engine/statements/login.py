"""CREATE and ALTER LOGIN.

Rules: SQL Server documentation of the statements. Unproven: that ALTER LOGIN refuses HASHED while CHECK_POLICY is
on (the documentation says so, not with which number),
and that login statements roll back with a transaction.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.sql.api import Event
from lab.sql.engine.accounts import find_sid, sid_bytes
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.passwords import complexity_error, hash_password, is_hash, verify
from lab.sql.engine.principal import FIXED_SERVER_ROLES, Principal
from lab.sql.engine.session import Session
from lab.sql.engine.statements.credential import credential_number
from lab.sql.engine.storage.space import View
from lab.world import Document

SA = 1


@dataclass
class Options:
    """What WITH says. None stands for what it does not say."""

    password: str | None = None
    hashed: bytes | None = None
    must_change: bool = False
    unlock: bool = False
    old_password: str | None = None
    sid: bytes | None = None
    default_database: str | None = None
    default_language: str | None = None
    check_policy: bool | None = None
    check_expiration: bool | None = None
    name: str | None = None
    credential: str | None = None
    """Empty: NO CREDENTIAL."""


def _options(p: Parser) -> Options:
    options = Options()
    while True:
        word = p.word()
        if word == "NO":
            p.expect("CREDENTIAL")
            options.credential = ""
        else:
            p.expect("=")
            _option(p, word, options)
        if not p.accept(","):
            return options


def _option(p: Parser, word: str, options: Options) -> None:
    if word == "PASSWORD":
        if p.token.kind == "hex":
            options.hashed = p.binary()
            p.expect("HASHED")
        else:
            options.password = p.string()
            if p.accept("HASHED"):
                raise error(15021, "PASSWORD")
        while p.at_any("MUST_CHANGE", "UNLOCK"):
            if p.next().upper == "MUST_CHANGE":
                options.must_change = True
            else:
                options.unlock = True
        if p.at("OLD_PASSWORD"):
            p.next()
            p.expect("=")
            options.old_password = p.string()
    elif word == "OLD_PASSWORD":
        options.old_password = p.string()
    elif word == "SID":
        options.sid = p.binary()
    elif word == "DEFAULT_DATABASE":
        options.default_database = p.name()
    elif word == "DEFAULT_LANGUAGE":
        options.default_language = p.name()
    elif word == "CHECK_POLICY":
        options.check_policy = p.on_off()
    elif word == "CHECK_EXPIRATION":
        options.check_expiration = p.on_off()
    elif word == "NAME":
        options.name = p.name()
    elif word == "CREDENTIAL":
        options.credential = p.name()
    else:
        p.fail(p.tokens[p.position - 2])


def next_principal_id(server: View) -> int:
    number = int((server.get("counter", "principal") or {"last": 258})["last"]) + 1
    server.put("counter", "principal", {"last": number})
    return number


def principal_exists(server: View, name: str) -> bool:
    return (
        server.get("login", name) is not None
        or server.get("server-role", name) is not None
        or name.lower() in FIXED_SERVER_ROLES
    )


def new_login(server: View, name: str, kind: str, sid: bytes, now: str, **values: Any) -> Document:
    """The document of a login, with CONNECT SQL granted as CREATE LOGIN does."""
    number = values.pop("id", None) or next_principal_id(server)
    document: Document = {
        "name": name, "id": number, "type": kind, "sid": sid.hex(), "disabled": False, "created": now, "modified": now,
        "default_database": "master", "default_language": "us_english", "policy": False, "expiration": False,
        "hash": "", "must_change": False, "locked": False, "bad_passwords": 0, "password_set": now,
        "credential": None, **values,
    }  # fmt: skip
    server.put("login", name, document)
    grant_server(server, number, "CONNECT SQL", "G")
    return document


def grant_server(server: View, grantee: int, permission: str, state: str, *, kind: int = 100, major: int = 0) -> None:
    key = f"{kind}:{major}:{grantee}:{permission}".lower()
    server.put("permission", key, {"class": kind, "major": major, "minor": 0, "grantee_id": grantee, "grantor_id": SA,
                                   "permission": permission, "state": state})  # fmt: skip


def _check_password(options: Options, login: str, *, policy: bool) -> None:
    if options.hashed is not None:
        if not is_hash(options.hashed):
            raise error(15021, "PASSWORD")
        if options.must_change:
            raise error(15099)
        return
    if policy and options.password is not None:
        number = complexity_error(options.password, login)
        if number:
            raise error(number)


@dataclass
class CreateLogin(Statement):
    name: str
    windows: bool
    options: Options

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        session.require("ALTER ANY LOGIN")
        server, options = session.server, self.options
        if principal_exists(server, self.name):
            raise error(15025, self.name)
        database = options.default_database or "master"
        if server.get("database", database) is None:
            raise error(15010, database)
        now = session.instance.now().isoformat()
        language = options.default_language or "us_english"
        if self.windows:
            self._windows(frame, database, language, now)
            return iter(())
        policy = options.check_policy is not False
        expiration = bool(options.check_expiration)
        if expiration and not policy:
            raise error(15122)
        if options.must_change and not (policy and expiration):
            raise error(15099 if policy else 15128)
        if options.password is None and options.hashed is None:
            raise error(102, self.name)
        if "\\" in self.name:
            raise error(15006, self.name)
        _check_password(options, self.name, policy=policy)
        sid = options.sid or os.urandom(16)
        if len(sid) != 16:
            raise error(15419)
        digits = sid.hex()
        if any(one["sid"] == digits for one in server.documents("login")):
            raise error(15433)
        credential = credential_number(server, options.credential)
        stored = options.hashed if options.hashed is not None else hash_password(options.password or "")
        new_login(server, self.name, "S", sid, now, default_database=self._true_name(server, database), policy=policy,
                  default_language=language, expiration=expiration, hash=stored.hex(),
                  must_change=options.must_change, credential=credential)  # fmt: skip
        return iter(())

    @staticmethod
    def _true_name(server: View, database: str) -> str:
        return str((server.get("database", database) or {"name": database})["name"])

    def _windows(self, frame: Frame, database: str, language: str, now: str) -> None:
        instance = frame.session.instance
        if "\\" not in self.name:
            raise error(15407, self.name)
        sid = find_sid(instance.world, instance.machine, self.name)
        if sid is None:
            raise error(15401, self.name)
        server = frame.session.server
        binary = sid_bytes(sid)
        if any(one["sid"] == binary.hex() for one in server.documents("login")):
            raise error(15025, self.name)
        kind = "G" if is_group(frame, self.name) else "U"
        new_login(
            server,
            self.name,
            kind,
            binary,
            now,
            default_database=self._true_name(server, database),
            default_language=language,
        )


def is_group(frame: Frame, name: str) -> bool:
    instance = frame.session.instance
    authority, _, account = name.partition("\\")
    owners = [instance.machine.name] if authority.lower() == instance.machine.name.lower() else []
    owners += [
        m.domain for m in instance.world.machines.values() if authority.lower() in (m.netbios.lower(), m.domain.lower())
    ]
    return name.lower().startswith("builtin\\") or any(
        account in instance.world.collection(owner, "group") for owner in owners
    )


@statement("CREATE", "LOGIN")
def _create(p: Parser) -> Statement:
    name = p.name()
    if p.accept("FROM"):
        if not p.accept("WINDOWS"):
            raise not_modelled("logins from certificates and keys")
        options = _options(p) if p.accept("WITH") else Options()
        return CreateLogin(name, True, options)
    p.expect("WITH")
    if not p.at("PASSWORD"):
        p.fail()
    return CreateLogin(name, False, _options(p))


def touches_sysadmin(session: Session, login: Document) -> bool:
    """Is it a member of sysadmin, and may the session not change such a one?"""
    sid = bytes.fromhex(login["sid"])
    target = Principal(login["name"], sid, login["type"] != "S", frozenset({sid}))
    return target.is_sysadmin(session.server) and not session.principal.may(session.server, "CONTROL SERVER")


@dataclass
class AlterLogin(Statement):
    name: str
    enable: bool | None = None
    options: Options = field(default_factory=Options)

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        server = session.server
        login = server.get("login", self.name)
        own = login is not None and bytes.fromhex(login["sid"]) == session.principal.sid
        allowed = session.principal.may(server, "ALTER ANY LOGIN")
        if login is None or not (allowed or own):
            raise error(15151, "alter", "login", self.name)
        if touches_sysadmin(session, login) and not (own and self._only_own_password()):
            raise error(15151, "alter", "login", self.name)
        changed = dict(login)
        if self.enable is not None:
            if login["type"] == "G":
                raise error(15151, "alter", "login", self.name)
            changed["disabled"] = not self.enable
        else:
            self._apply(session, changed, own=own, allowed=allowed)
        changed["modified"] = session.instance.now().isoformat()
        if changed["name"].lower() != login["name"].lower():
            server.delete("login", login["name"])
        server.put("login", changed["name"], changed)
        return iter(())

    def _only_own_password(self) -> bool:
        return self.options.password is not None and self.options.old_password is not None

    def _apply(self, session: Session, login: Document, *, own: bool, allowed: bool) -> None:
        options, server = self.options, session.server
        sql = login["type"] == "S"
        if not sql and (options.password is not None or options.hashed is not None or options.check_policy is not None):
            raise error(15151, "alter", "login", self.name)
        policy = login["policy"] if options.check_policy is None else options.check_policy
        if (
            options.check_policy is False
            and login["must_change"]
            and options.password is None
            and options.hashed is None
        ):
            raise error(15128)
        expiration = login["expiration"] if options.check_expiration is None else options.check_expiration
        if options.check_expiration is None and options.check_policy is False:
            expiration = False
        if options.check_expiration is None and options.check_policy and not login["policy"]:
            expiration = True  # documented: a policy that is switched on brings expiration along
        if expiration and not policy:
            raise error(15122)
        if options.hashed is not None and policy:
            raise error(15118)
        if options.must_change and not (policy and expiration):
            raise error(15099)
        if not allowed and (
            options.old_password is None or not verify(options.old_password, bytes.fromhex(login["hash"]))
        ):
            raise error(15151, "alter", "login", self.name)
        if options.old_password is not None and not verify(options.old_password, bytes.fromhex(login["hash"])):
            raise error(15151, "alter", "login", self.name)
        if options.password is not None or options.hashed is not None:
            _check_password(options, self.name, policy=policy)
            stored = options.hashed if options.hashed is not None else hash_password(options.password or "")
            login["hash"] = stored.hex()
            login["password_set"] = session.instance.now().isoformat()
            login["must_change"] = options.must_change
        if options.unlock or options.check_policy is False:
            login.update(locked=False, bad_passwords=0)
        if sql:
            login["policy"], login["expiration"] = policy, expiration
        self._names(server, login)

    def _names(self, server: View, login: Document) -> None:
        options = self.options
        if options.default_database is not None:
            found = server.get("database", options.default_database)
            if found is None:
                raise error(15010, options.default_database)
            login["default_database"] = found["name"]
        if options.default_language is not None:
            login["default_language"] = options.default_language
        if options.credential is not None:
            login["credential"] = credential_number(server, options.credential)
        if options.name is not None:
            if options.name.lower() != self.name.lower() and principal_exists(server, options.name):
                raise error(15025, options.name)
            login["name"] = options.name


@statement("ALTER", "LOGIN")
def _alter(p: Parser) -> Statement:
    name = p.name()
    if p.at_any("ENABLE", "DISABLE"):
        return AlterLogin(name, p.next().upper == "ENABLE")
    if p.at_any("ADD", "DROP"):
        raise not_modelled("credentials of key management providers")
    p.expect("WITH")
    return AlterLogin(name, None, _options(p))
