"""xp_logininfo: through which logins a Windows account comes in.

Columns, the order of the rows and the empty answer for an account that no login admits: SQL Server 2012 documentation,
xp_logininfo. Only ``'all'`` for a user is modelled.
"""

from __future__ import annotations

from lab.identity import UnknownAccountError, identity
from lab.sql.api import Column, ResultSet
from lab.sql.engine.accounts import find_sid, tokens
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.principal import Principal
from lab.sql.engine.procedures.registry import Arguments, Run, procedure

_UNKNOWN = "0x534"
"""ERROR_NONE_MAPPED of Windows."""
_COLUMNS = (
    Column("account name", "sysname"),
    Column("type", "char(8)"),
    Column("privilege", "char(9)"),
    Column("mapped login name", "sysname"),
    Column("permission path", "sysname"),
)


@procedure("xp_logininfo", "@acctname", "@option", "@privilege")
def _login_info(frame: Frame, a: Arguments) -> Run:
    session = frame.session
    session.require("CONTROL SERVER", 229, "EXECUTE", "xp_logininfo", "mssqlsystemresource", "sys")
    if not a.get("@acctname") or str(a.get("@option")).lower() != "all" or a.has("@privilege"):
        raise not_modelled("xp_logininfo but for one account and 'all'")
    world, machine, name = session.instance.world, session.instance.machine, a.name("@acctname")
    try:
        who = identity(world, machine, name)
    except UnknownAccountError:
        if find_sid(world, machine, name) is not None:
            raise not_modelled("xp_logininfo for a group") from None
        raise error(15404, name, _UNKNOWN) from None
    held = {sid.hex() for sid in tokens(world, machine, who)}
    rows = []
    for login in sorted(session.server.documents("login"), key=lambda login: int(login["id"])):
        if login["type"] in ("U", "G") and login["sid"] in held:
            sid = bytes.fromhex(login["sid"])
            admin = Principal(login["name"], sid, True, frozenset({sid})).is_sysadmin(session.server)
            path = login["name"] if login["type"] == "G" else None
            rows.append((who.user, "user", "admin" if admin else "user", who.user, path))
    yield ResultSet(_COLUMNS, sorted(rows, key=lambda row: row[2] != "admin"))
    return 0
