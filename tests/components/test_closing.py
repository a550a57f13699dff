"""The verification after deletions: when it runs, and what comes of one that fails."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from components.resource import closing
from components.resource.closing import ClosingProvider, Run
from remote.errors import MachineError

PROPS = {"resources": "b", "stack": "organization/windows-azure-pack-ha/dev", "names": ["Portal1", "SQL"]}


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The exit codes of the verifications to come; the run begins again."""
    monkeypatch.setattr(closing, "RUN", Run())
    codes: list[int] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[1:] == ["-m", "operations", "verify", "--failed", "--stack", PROPS["stack"]]
        return subprocess.CompletedProcess(command, codes.pop(0), "", "not as it should be: Portal1: answers: no")

    monkeypatch.setattr(subprocess, "run", run)
    return codes


def up(*, replaced: bool, deletions: int) -> ClosingProvider:
    """A process that has got as far as the last deletion of an ``up``."""
    provider = ClosingProvider()
    provider.check({}, PROPS)
    if replaced:
        provider.create(PROPS)
    closing.RUN.deletions += deletions
    return provider


def test_an_up_that_deleted_something_verifies_at_its_end(verifications: list[int]) -> None:
    verifications += [0]
    up(replaced=True, deletions=1).delete("", PROPS)
    assert verifications == []


def test_an_up_that_only_added_something_was_verified_already(verifications: list[int]) -> None:
    up(replaced=True, deletions=0).delete("", PROPS)


def test_a_verification_that_failed_is_made_up_for_by_the_next_up(verifications: list[int]) -> None:
    verifications += [1, 0]
    with pytest.raises(MachineError, match="verify the farm after the deletions: not as it should be: Portal1"):
        up(replaced=True, deletions=1).delete("", PROPS)
    closing.RUN.created, closing.RUN.deletions = False, 0
    up(replaced=False, deletions=0).delete("", PROPS)
    assert verifications == []


def test_a_destroy_verifies_nothing(verifications: list[int]) -> None:
    closing.RUN.deletions = 80
    ClosingProvider().delete("", PROPS)


def test_another_set_of_resources_is_another_instance_created_first() -> None:
    provider = ClosingProvider()
    diff = provider.diff("", {"resources": "a"}, PROPS)
    assert (diff.replaces, diff.delete_before_replace) == (["resources"], False)
    assert provider.diff("", {"resources": "a"}, {"resources": "a"}).replaces == []
