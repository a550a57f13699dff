"""The share for backups, as the service account of each SQL Server finds it."""

from __future__ import annotations

import pytest

from components.sql.backup_share_check import BackupShareCheckInputs, BackupShareCheckResource
from lab.testing import changes
from tests.components.contract import refusal, sentences
from tests.components.sql.in_process import Servers

RESOURCE = BackupShareCheckResource()
SHARE = r"\\FILE\SQLAG"


def inputs(share: str = SHARE) -> BackupShareCheckInputs:
    return BackupShareCheckInputs(machines=("SQL1", "SQL2"), share=share)


def test_a_share_that_is_there(servers: Servers) -> None:
    facts = RESOURCE.observe(inputs(), servers)
    assert RESOURCE.plan(inputs(), facts) == []
    assert RESOURCE.actual(inputs(), facts) == {}
    RESOURCE.refuse_change({}, inputs(), facts)


@pytest.mark.parametrize(
    "share", [r"\\FILE\Nowhere", r"\\FILE\SQLAG\nowhere", r"\\NOWHERE\SQLAG", r"\\FILE\SQLAG\file.txt"]
)
def test_what_is_no_folder_of_a_share(servers: Servers, share: str) -> None:
    facts = RESOURCE.observe(inputs(share), servers)
    assert sentences(RESOURCE.plan(inputs(share), facts)) == [f"See that SQL Server on SQL1, SQL2 finds {share}."]
    assert RESOURCE.actual(inputs(share), facts) == {"state": "not found from SQL1, SQL2"}
    assert refusal(lambda: RESOURCE.refuse_change({}, inputs(share), facts)) == (
        f"SQL1, SQL2: find {share} as SQL Server's service account: it is not there, or that account may not read it. "
        "Create the share and let the service account of every SQL Server change it (share and NTFS), or correct "
        "`sql.backup_share`."
    )


def test_a_share_that_the_service_account_may_not_read(servers: Servers) -> None:
    with changes.share_access(servers.world, "FILE", "SQLAG", {r"BUILTIN\Administrators": "full"}):
        assert RESOURCE.observe(inputs(), servers).missing == ("SQL1", "SQL2")
