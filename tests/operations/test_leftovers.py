"""``operations leftovers``: which claims are left over, and what its exit code says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from components.resource.leftovers import Leftover, Look
from components.resource.ownership import Claim, Owner
from operations import __main__, leftovers
from operations.leftovers import Known, Leftovers, known
from remote.errors import MachineError, UnreachableError

STACK, IDENTITY = "windows-azure-pack-ha/prod", "1" * 32
MINE = Claim(False, owner=Owner(STACK, IDENTITY, "Portal1-nlb"), token="t1", since="2026-01-02", kind="Feature")
ONE = Leftover("Portal1", "portal1/feature/nlb", MINE)
EXPORT = {
    "deployment": {
        "resources": [
            {"type": "pulumi:pulumi:Stack", "outputs": {"portal": "https://portal"}},
            {"outputs": {"stack": STACK, "identity": IDENTITY}},
            {"outputs": {"ownership": {"token": "t2"}}},
        ]
    }
}


def claim(**changed: Any) -> Claim:
    return Claim(**{**MINE.__dict__, **changed})


def test_what_the_state_knows_is_not_left_over() -> None:
    state = known(STACK, EXPORT)
    assert state.left(MINE)
    assert not state.left(claim(token="t2"))


def test_a_namesake_in_another_backend_owns_its_own() -> None:
    theirs = claim(owner=Owner(STACK, "2" * 32, "x"))
    assert not known(STACK, EXPORT).left(theirs)
    # Without a state only the name is known.
    assert known(STACK, {"deployment": {}}).left(theirs)
    assert not known("windows-azure-pack-ha/test", {}).left(theirs)


@pytest.mark.parametrize(
    ("look", "arguments", "why", "code", "said"),
    [
        (Look((), ()), [], "", 0, f"No machine holds anything for {STACK} that its state does not know."),
        (Look((ONE,), ()), [], "", 1, "left: Portal1: portal1/feature/nlb (Feature, Portal1-nlb, since 2026-01-02)"),
        (Look((ONE,), ()), ["--remove"], "", 0, "removed: Portal1: portal1/feature/nlb"),
        (Look((ONE,), ()), ["--remove"], "it broke", 1, "stays: it broke: Portal1: portal1/feature/nlb"),
        (Look((), (UnreachableError("SQL2", "read", "no answer"),)), [], "", 2, "not asked: SQL2: read: no answer."),
    ],
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, look: Look, arguments: list[str], why: str, code: int, said: str
) -> None:
    of_stack = Leftovers("", known(STACK, EXPORT), {})
    monkeypatch.setattr(Leftovers, "of_stack", classmethod(lambda _cls, _stack: of_stack))
    monkeypatch.setattr(Leftovers, "look", lambda _self: look)
    removed: list[Leftover] = []

    def remove(_self: Leftovers, one: Leftover) -> str:
        removed.append(one)
        return why

    monkeypatch.setattr(Leftovers, "remove", remove)
    done = CliRunner().invoke(__main__.app, ["leftovers", *arguments])
    assert (done.exit_code, said in done.output) == (code, True), done.output
    assert removed == ([ONE] if arguments else [])
    as_json = json.loads(CliRunner().invoke(__main__.app, ["leftovers", *arguments, "--json"]).stdout)
    assert [one["id"] for one in as_json["leftovers"]] == [one.resource_id for one in look.left]


def test_the_farm_of_a_namesake_is_not_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that was never brought up has no identity; one of its name in another backend may have a living farm."""
    removed: list[Leftover] = []
    monkeypatch.setattr(Leftovers, "of_stack", classmethod(lambda *_: Leftovers("", known(STACK, {}), {})))
    monkeypatch.setattr(Leftovers, "look", lambda _self: Look((ONE,), ()))

    def remove(_self: Leftovers, one: Leftover) -> str:
        removed.append(one)
        return ""

    monkeypatch.setattr(Leftovers, "remove", remove)
    run = CliRunner()
    assert run.invoke(__main__.app, ["leftovers"]).exit_code == 1
    refused = run.invoke(__main__.app, ["leftovers", "--remove"])
    assert (refused.exit_code, removed) == (2, [])
    assert "perhaps it lives in another backend" in refused.output
    assert run.invoke(__main__.app, ["leftovers", "--remove", "--state-lost"]).exit_code == 0
    assert removed == [ONE]


def test_what_a_claim_says_is_no_command_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every administrator of a machine can write a claim there."""
    of_stack = Leftovers("", known(STACK, EXPORT), {})
    planted = Leftover("Portal1", "portal1/\x1b]0;owned\x07x", claim(kind="Feature\r\x1b[2J"))
    monkeypatch.setattr(Leftovers, "of_stack", classmethod(lambda _cls, _stack: of_stack))
    monkeypatch.setattr(Leftovers, "look", lambda _self: Look((planted,), ()))
    said = CliRunner().invoke(__main__.app, ["leftovers"]).output
    assert [one for one in said.removesuffix("\n") if ord(one) < 32] == []
    assert r"portal1/\x1b]0;owned\x07x" in said


def test_a_stack_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(_question: list[str], _stack: str) -> str:
        raise MachineError("this computer", "read the stack's configuration", "no stack selected")

    monkeypatch.setattr(leftovers, "run", asked)
    monkeypatch.setattr("components.stack_configuration.run", asked)
    done = CliRunner().invoke(__main__.app, ["leftovers"])
    assert (done.exit_code, "no stack selected" in done.output) == (2, True)


def test_a_resource_of_another_version_is_named() -> None:
    of_stack = Leftovers("{}", Known(STACK, IDENTITY, frozenset()), {})
    unknown = Leftover("Portal1", "portal1/x", claim(kind="os.system"))
    assert "this version of the program has no resource 'os.system'" in of_stack.remove(unknown)
