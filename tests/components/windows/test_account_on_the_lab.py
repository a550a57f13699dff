"""A local account that wrong passwords have locked out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.steps import Script, load_script
from components.windows.local_account import LocalAccountInputs, LocalAccountResource
from lab.testing import changes
from lab.testing.windows import wrong_password
from lab.testing.worlds import close, small_world
from remote.secret import Secret, plain
from tests.components.contract import actual, sentences
from tests.components.sql.in_process import Servers


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    world = small_world(tmp_path / "lab")
    yield Servers(world)
    close(world)


def test_it_is_drift_and_unlocked(servers: Servers) -> None:
    resource = LocalAccountResource()
    inputs = LocalAccountInputs(
        machine="SPF1", account="SVC_NEW", password=Secret("Account-Pass-1!"), groups=("Users",)
    )
    inputs.keeping({"key": "key-of-this-test"})

    def carry_out() -> list[str]:
        steps = resource.plan(inputs, resource.observe(inputs, servers))
        for step in steps:
            assert isinstance(step.action, Script)
            servers.powershell("SPF1").run(load_script(step.action.path), plain(step.action.arguments), attempted="x")
        return sentences(steps)

    assert carry_out()[0] == "On SPF1, create the local account SVC_NEW."
    assert carry_out() == []
    changes.lock_out(servers.world, "SPF1", wrong_passwords=2)
    for _ in range(2):
        wrong_password(servers.world, "SPF1", r".\SVC_NEW")
    assert actual(resource, inputs, resource.observe(inputs, servers))["locked"] is True
    assert carry_out() == ["On SPF1, unlock the local account SVC_NEW, which is locked out after wrong passwords."]
    assert carry_out() == []
