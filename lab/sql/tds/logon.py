"""Who is admitted, and what a client is told either way ([MS-TDS] 2.2.6.4, 2.2.7.14)."""

from __future__ import annotations

from lab.powershell.api import NotModelledError
from lab.sql.api import Instance, Session, SqlError
from lab.sql.tds import login7, packets, tokens, types
from lab.sql.tds.reply import NOT_MODELLED

LANGUAGE = "us_english"
_WITH_LOGIN_FAILED = {4060, 4064}
"""Errors about the database at log-on that SQL Server follows with 18456."""


def packet_size(login: login7.Login) -> int:
    """The size the client asked for, within the protocol's bounds; 0 leaves it to the server."""
    return min(max(login.packet_size, packets.SMALLEST), packets.LARGEST) if login.packet_size else 4096


def admit(instance: Instance, login: login7.Login) -> Session:
    """Raises SqlError when the login is refused, NotModelledError for ways to log on that the lab has not."""
    if login.version < login7.OLDEST:
        raise NotModelledError("a TDS version before 7.2")
    if login.changes_password:
        raise NotModelledError("changing the password while logging on")
    if login.integrated:
        # Nobody on this wire can vouch for a Windows account: the lab has neither Kerberos nor NTLM here.
        text = "Login failed. The login is from an untrusted domain and cannot be used with Windows authentication."
        raise SqlError(18452, text, level=14)
    return instance.login(login.user, login.password, login.database, host=login.host, program=login.program)


def refusal(error: SqlError | NotModelledError, login: login7.Login, server: str) -> bytes:
    """The response to a login that was refused; the connection ends after it."""
    if not isinstance(error, SqlError):
        error = SqlError(NOT_MODELLED, f"The lab does not model {error}", level=14)
    found = [error]
    if error.number in _WITH_LOGIN_FAILED:
        found.append(SqlError(18456, f"Login failed for user '{login.user}'.", level=14))
    data = b"".join(
        tokens.notice(one.number, one.message, level=one.level, state=one.state, server=server, line=one.line)
        for one in found
    )
    return data + tokens.done(tokens.DONE, tokens.FAILED)


def welcome(instance: Instance, database: str, login: login7.Login, server: str) -> bytes:
    """The response to a login that succeeded."""
    changed = f"Changed database context to '{database}'."
    language = f"Changed language setting to {LANGUAGE}."
    return b"".join(
        (
            tokens.environment(tokens.DATABASE, database, "master"),
            tokens.notice(5701, changed, level=0, state=2, server=server),
            tokens.environment_bytes(tokens.SQL_COLLATION, types.COLLATION, b""),
            tokens.environment(tokens.LANGUAGE, LANGUAGE, ""),
            tokens.notice(5703, language, level=0, state=1, server=server),
            tokens.login_accepted(min(login.version, login7.NEWEST), instance.version),
            tokens.environment(tokens.PACKET_SIZE, str(packet_size(login)), "4096"),
            tokens.done(tokens.DONE, 0),
        )
    )
