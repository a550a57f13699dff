"""Procedures of old for roles and owners."""

from __future__ import annotations

from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure
from lab.sql.engine.statements.authorization import AlterAuthorization
from lab.sql.engine.statements.server import change_server_role
from lab.sql.engine.statements.user import change_membership


@procedure("sp_addsrvrolemember", "@loginame", "@rolename")
def _addsrv(frame: Frame, a: Arguments) -> Run:
    if frame.session.trancount:
        raise error(15002, "sp_addsrvrolemember")
    change_server_role(frame, a.required("@rolename"), a.required("@loginame"), add=True)
    return 0
    yield


@procedure("sp_dropsrvrolemember", "@loginame", "@rolename")
def _dropsrv(frame: Frame, a: Arguments) -> Run:
    if frame.session.trancount:
        raise error(15002, "sp_dropsrvrolemember")
    change_server_role(frame, a.required("@rolename"), a.required("@loginame"), add=False)
    return 0
    yield


@procedure("sp_addrolemember", "@rolename", "@membername")
def _addrole(frame: Frame, a: Arguments) -> Run:
    change_membership(frame, a.required("@rolename"), a.required("@membername"), add=True)
    return 0
    yield


@procedure("sp_droprolemember", "@rolename", "@membername")
def _droprole(frame: Frame, a: Arguments) -> Run:
    change_membership(frame, a.required("@rolename"), a.required("@membername"), add=False)
    return 0
    yield


@procedure("sp_changedbowner", "@loginame", "@map")
def _changedbowner(frame: Frame, a: Arguments) -> Run:
    yield from AlterAuthorization("DATABASE", (frame.session.database,), a.required("@loginame")).run(frame)
    return 0
