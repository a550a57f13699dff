"""A wrong password locks nobody out: the failed log-ons that one preview and one verification make. A rotated one is
taken from the stack's configuration by plain commands."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lab.testing import changes
from lab.testing.farm import Lab
from lab.testing.sql import error_log
from lab.testing.windows import failed_log_ons
from tests.e2e.lab_here import FarmHere

WRONG = "Wrong-Secret-99!"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("refused"))
    farm.bring_up()
    with farm.running():
        yield farm


def windows(world: Lab) -> int:
    """Failed log-ons of the installer, wherever they were tried: what a domain's lock-out policy counts."""
    return failed_log_ons(world, "hyper-v.nu")["installer"]


def sql(world: Lab, machine: str) -> list[str]:
    """Failed log-ons in the error log of a machine's SQL Server, with the reason that only the log has."""
    return [text for text in error_log(world, machine) if text.startswith("Login failed for user ")]


def counted(world: Lab) -> dict[str, int]:
    return {name: len(sql(world, name)) for name in ("SQL1", "SQL2")}


def since(world: Lab, before: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in counted(world).items()}


def another_password_of_the_installer(farm: FarmHere) -> changes.Change:
    """Changed in the domain."""
    return changes.password(farm.world, "hyper-v.nu", "installer", WRONG)


def set_password_of_sa(farm: FarmHere) -> None:
    for machine in ("SQL1", "SQL2"):
        server = farm.remote.sql_integrated(machine)
        server.run(f"ALTER LOGIN sa WITH PASSWORD = N'{WRONG}'", attempted="change it by hand")


def test_a_wrong_password_of_the_installer(farm: FarmHere) -> None:
    """In a domain that locks an account after five wrong passwords."""
    changes.lock_out(farm.world, "hyper-v.nu", wrong_passwords=5)
    before = windows(farm.world)
    with another_password_of_the_installer(farm):
        result = farm.preview()
        previewed = windows(farm.world) - before
        verified = farm.operations("verify")
    assert not result.ok
    assert r"does not accept the user name or password of HYPERVNU\installer" in result.output
    assert previewed == 1, result.output
    assert not verified.ok
    assert windows(farm.world) - before - previewed == 1, verified.output
    corrected = farm.preview()
    assert corrected.ok, corrected.output


def test_a_wrong_password_of_the_sql_administrator(farm: FarmHere) -> None:
    """Every process makes one on each server: a preview, a verification. ``up`` repairs the password, and may try
    again after each of its own changes."""
    set_password_of_sa(farm)
    before = counted(farm.world)
    result = farm.preview()
    assert result.ok, result.output  # a difference, not an error
    assert since(farm.world, before) == {"SQL1": 1, "SQL2": 1}

    before = counted(farm.world)
    verified = farm.operations("verify")
    assert not verified.ok
    assert since(farm.world, before) == {"SQL1": 1, "SQL2": 1}, verified.output

    before = counted(farm.world)
    repaired = farm.up()
    assert repaired.ok, repaired.output
    assert max(since(farm.world, before).values()) <= 2, repaired.output
    again = farm.operations("verify")
    assert again.ok, again.output


def test_a_rotated_passphrase(farm: FarmHere) -> None:
    """Set in the stores once, by one node; verify tries it through every node."""
    farm.set_secret("passphrase", "Another-Phrase-2!")
    before = len(farm.journal())
    rotated = farm.up()
    assert rotated.ok, rotated.output
    sent = [entry for entry in farm.journal()[before:] if "Reset-MgmtSvcPassphrase" in entry.get("text", "")]
    assert len(sent) == 1, [sorted(entry) for entry in farm.journal()[before:][:1]]
    verified = farm.operations("verify")
    assert verified.ok, verified.output
    assert "Another-Phrase-2!" not in rotated.output + verified.output


def test_a_rotated_password_of_the_installer(farm: FarmHere) -> None:
    """Changed in the domain and in the stack's configuration: the state has the old one nowhere."""
    providers = [r for r in farm.export()["deployment"]["resources"] if r["type"] == "pulumi:providers:pulumi-python"]
    assert [provider.get("inputs", {}) for provider in providers] == [{}]
    with another_password_of_the_installer(farm):
        farm.set_secret('credentials["hyper-v.nu"].password', WRONG, path=True)
        before = windows(farm.world)
        previewed = farm.preview()
        assert previewed.ok, previewed.output
        assert not re.search(r"\d+ to (create|update|delete|replace)", previewed.output), previewed.output
        for done in (farm.pulumi("refresh", "--yes"), farm.up()):
            assert done.ok, done.output
        assert windows(farm.world) == before


def test_destroy_needs_no_up_while_one_replica_refuses_the_administrator(farm: FarmHere) -> None:
    farm.sql("SQL2", "ALTER LOGIN sa DISABLE")
    with another_password_of_the_installer(farm):  # which the stack knows
        gone = farm.destroy()
    assert gone.ok, gone.output
    assert farm.export()["deployment"].get("resources", []) == []
