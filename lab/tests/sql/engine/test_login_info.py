"""xp_logininfo: through which logins a Windows account comes in."""

from __future__ import annotations

from typing import Any

import pytest

from lab.tests.sql.engine.conftest import ok, run

GROUP, USER = r"HYPERVNU\WAP Administrators", r"HYPERVNU\operator"
ALL = f"EXEC master.dbo.xp_logininfo @acctname = N'{USER}', @option = 'all'"


def test_every_way_in(session: Any) -> None:
    assert ok(session, ALL).rows == []
    ok(session, f"CREATE LOGIN [{GROUP}] FROM WINDOWS")
    assert ok(session, ALL).rows == [(USER, "user", "user", USER, GROUP)]
    ok(session, f"CREATE LOGIN [{USER}] FROM WINDOWS; ALTER SERVER ROLE sysadmin ADD MEMBER [{USER}]")
    assert ok(session, ALL).rows == [(USER, "user", "admin", USER, None), (USER, "user", "user", USER, GROUP)]


def test_nobody_and_what_is_not_modelled(session: Any) -> None:
    assert run(session, r"EXEC xp_logininfo N'HYPERVNU\nobody', 'all'").numbers == [15404]
    for text in (
        "EXEC xp_logininfo",
        f"EXEC xp_logininfo N'{GROUP}', 'members'",
        f"EXEC xp_logininfo N'{GROUP}', 'all'",
    ):
        with pytest.raises(AssertionError, match="does not model"):
            ok(session, text)
