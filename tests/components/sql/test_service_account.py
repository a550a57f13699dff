"""As whom a SQL Server meets other machines, whatever form its service has the account in."""

from __future__ import annotations

from typing import Any

import pytest

from components.sql.service_account import NetworkAccount, network_account
from tests.components.contract import refusal

COMPUTER, COMPUTER_SID = r"HYPERVNU\SQL2$", "0x0105000000000005150000000100000002000000030000000B0F0000"
SVC_SQL, SVC_SQL_SID = r"HYPERVNU\SVC_SQL", "0x010500000000000515000000010000000200000003000000E9030000"
SYSTEM, LOCAL_SERVICE, NETWORK_SERVICE = (f"0x0101000000000005{number}000000" for number in ("12", "13", "14"))
VIRTUAL = "0x010600000000000550000000AABBCCDD0100000002000000030000000400000005000000"
OF_SQL2 = "0x010500000000000515000000090000000800000007000000EA030000"


class Server:
    def __init__(self, **row: Any) -> None:
        self.row = {"computer_sid": COMPUTER_SID, **row}

    def sql(self, machine: str) -> Server:
        return self

    def rows(self, statement: str, *values: str, attempted: str) -> list[dict[str, Any]]:
        assert values == (COMPUTER,)
        return [self.row] if "account" in self.row else []


def asked(**row: Any) -> NetworkAccount:
    return network_account(Server(**row), "SQL2", COMPUTER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given", [SVC_SQL, r"hypervnu\svc_sql", r"hyper-v.nu\SVC_SQL", "svc_sql@hyper-v.nu", "SVC_SQL@HYPER-V.NU"]
)
def test_every_form_of_one_account_is_that_account(given: str) -> None:
    assert asked(account=given, name=SVC_SQL, sid=SVC_SQL_SID) == NetworkAccount(given, SVC_SQL, SVC_SQL_SID)


@pytest.mark.parametrize(
    ("given", "name", "sid"),
    [
        ("LocalSystem", None, None),
        (r"NT AUTHORITY\SYSTEM", r"NT AUTHORITY\SYSTEM", SYSTEM),
        (r"NT AUTHORITY\NetworkService", None, None),
        (r"NT-AUTORITÄT\Netzwerkdienst", r"NT-AUTORITÄT\Netzwerkdienst", NETWORK_SERVICE),
        (r"NT Service\MSSQLSERVER", r"NT SERVICE\MSSQLSERVER", VIRTUAL),
        (r"NT Service\MSSQL$WAP", None, VIRTUAL),
    ],
)
def test_a_built_in_or_virtual_account_is_the_computer(given: str, name: str | None, sid: str | None) -> None:
    assert asked(account=given, name=name, sid=sid) == NetworkAccount(given, COMPUTER, COMPUTER_SID)


@pytest.mark.parametrize(
    ("given", "name", "sid"),
    [
        (r".\sql", None, None),
        (r"SQL2\sql", r"SQL2\sql", OF_SQL2),
        (r"NT AUTHORITY\LocalService", None, None),
        (r"NT-AUTORITÄT\Lokaler Dienst", r"NT-AUTORITÄT\Lokaler Dienst", LOCAL_SERVICE),
    ],
)
def test_a_local_account_has_no_identity_elsewhere(given: str, name: str | None, sid: str | None) -> None:
    assert asked(account=given, name=name, sid=sid) == NetworkAccount(given)


def test_an_account_that_windows_does_not_know() -> None:
    assert refusal(lambda: asked(account=r"HYPERVNU\gone", name=None, sid=None)) == (
        r"SQL2: read the account that SQL Server runs as: Windows there does not know the account HYPERVNU\gone. See "
        "that the account exists and that a domain controller answers, then run `pulumi up` again."
    )


def test_an_instance_before_service_pack_1() -> None:
    assert "Install Service Pack 1" in refusal(asked)
