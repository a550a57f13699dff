"""Which ports count as open, in what the Windows Firewall says."""

from __future__ import annotations

from typing import Any

import pytest

from components.windows.firewall import is_open


def says(ports: str = "5022", protocol: str = "TCP", program: str = "Any", *, on: bool = True) -> dict[str, Any]:
    return {
        "profiles": [{"name": "Domain", "enabled": str(on)}, {"name": "Public", "enabled": "False"}],
        "rules": ["one"],
        "ports": [
            {"rule": "one", "protocol": protocol, "ports": ports.split()},
            {"rule": "disabled", "protocol": "Any", "ports": ["Any"]},
        ],
        "programs": [{"rule": "one", "program": program}],
    }


@pytest.mark.parametrize(
    "found",
    [
        says(),
        says("1433 5000-6000"),
        says("Any", "Any"),
        says("5022", "6"),
        says("Any", "TCP", r"C:\Program Files\Microsoft SQL Server\MSSQL11.MSSQLSERVER\MSSQL\Binn\sqlservr.exe"),
        says("1433", on=False),
    ],
)
def test_open(found: dict[str, Any]) -> None:
    assert is_open(found, 5022, "sqlservr.exe")


@pytest.mark.parametrize(
    "found",
    [says("1433"), says("5023-6000"), says("RPC"), says("5022", "UDP"), says("Any", "TCP", r"C:\Windows\svchost.exe")],
)
def test_closed(found: dict[str, Any]) -> None:
    assert not is_open(found, 5022, "sqlservr.exe")
