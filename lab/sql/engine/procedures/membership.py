"""Procedures of old for roles and owners."""

from __future__ import annotations

from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure
from lab.sql.engine.statements.server import change_server_role


@procedure("sp_addsrvrolemember", "@loginame", "@rolename")
def _addsrv(frame: Frame, a: Arguments) -> Run:
    if frame.session.trancount:
        raise error(15002, "sp_addsrvrolemember")
    change_server_role(frame, a.name("@rolename"), a.name("@loginame"), add=True)
    return 0
    yield
