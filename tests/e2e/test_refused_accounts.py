"""A wrong password locks nobody out: the failed log-ons that one preview and one verification make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.world import World
from tests.e2e.farm import SECRETS
from tests.e2e.lab_here import FarmHere

NETWORK = 63
WRONG = "Wrong-Secret-99!"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("refused"), NETWORK)
    with farm.running():
        farm.make_stack()
        done = farm.up()
        assert done.ok, done.output
        yield farm


def windows(world: World) -> int:
    """Failed log-ons of the installer, wherever they were tried: what a domain's lock-out policy counts."""
    return int(world.collection("hyper-v.nu", "account")["installer"]["failed_logons"])


def sql(world: World, machine: str) -> list[str]:
    """Failed log-ons in the error log of a machine's SQL Server, with the reason that only the log has."""
    texts = [entry["text"] for _, entry in sorted(world.machine(machine).collection("sql-errorlog").items())]
    return [text for text in texts if text.startswith("Login failed for user ")]


@contextmanager
def secret(farm: FarmHere, key: str, right: str) -> Iterator[None]:
    farm.set_secret(key, WRONG, path=True)
    try:
        yield
    finally:
        farm.set_secret(key, right, path=True)


def test_a_wrong_password_of_the_installer(farm: FarmHere) -> None:
    before = windows(farm.world)
    with secret(farm, 'credentials["hyper-v.nu"].password', SECRETS["installer"]):
        result = farm.preview()
        previewed = windows(farm.world) - before
        verified = farm.operations("verify")
    assert not result.ok
    assert r"does not accept the user name or password of HYPERVNU\installer" in result.output
    assert previewed == 1, result.output
    assert not verified.ok
    assert windows(farm.world) - before - previewed == 1, verified.output


def test_a_wrong_password_of_the_sql_administrator(farm: FarmHere) -> None:
    before = {name: len(sql(farm.world, name)) for name in ("SQL1", "SQL2")}
    with secret(farm, "sqlAdministratorPassword", SECRETS["sqlAdministratorPassword"]):
        result = farm.preview()
    failed = {name: sql(farm.world, name)[count:] for name, count in before.items()}
    print(result.output)
    assert {name: len(texts) for name, texts in failed.items()} == {"SQL1": 1, "SQL2": 1}, failed


def test_a_verification_with_a_wrong_password_of_the_sql_administrator(farm: FarmHere) -> None:
    before = {name: len(sql(farm.world, name)) for name in ("SQL1", "SQL2")}
    with secret(farm, "sqlAdministratorPassword", SECRETS["sqlAdministratorPassword"]):
        verified = farm.operations("verify")
    failed = {name: sql(farm.world, name)[count:] for name, count in before.items()}
    assert not verified.ok
    assert {name: len(texts) for name, texts in failed.items()} == {"SQL1": 1, "SQL2": 1}, failed
