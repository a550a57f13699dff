"""What machines answer is data in the terminal too: in the state, from which previews and outputs are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from components.sql.primary import PrimaryResource
from components.windows.local_account import AccountState, LocalAccountResource
from remote.secret import Secret
from tests.components.contract import World
from tests.components.worlds import CASES, LOCAL_ACCOUNT, server

CLEAR = "\x1b[2J\u202e\r\nall is well"
SEEN = r"\x1b[2J\u202e\r\nall is well"


def account(**changes: Any) -> dict[str, Any]:
    """What a refresh writes for an account with these properties."""
    good = AccountState(True, True, True, "", frozenset({"spf_admin", "spf_vmm"}))
    world = World(LOCAL_ACCOUNT, server(replace(good, **changes), marked=True))
    read = world.provider(LocalAccountResource).read("x", {**LOCAL_ACCOUNT.inputs, "ownership": {}})
    assert read.inputs is not None
    return read.inputs


def test_control_characters_are_escaped() -> None:
    assert account(description=CLEAR)["description"] == SEEN


def test_a_secret_is_masked_before_anything_is_escaped() -> None:
    """Escaped first, it would not be recognised."""
    Secret("Pass\\\x1bword-7!")
    assert account(description="it is Pass\\\x1bword-7!")["description"] == "it is ***"


def test_what_is_declared_stays_as_it_is() -> None:
    """A secret that is a common word makes no difference of what is as declared."""
    Secret("SPF_Admin")
    assert account()["groups"] == ["SPF_Admin", "SPF_VMM"]


def test_outputs_are_escaped() -> None:
    (case,) = [case for case in CASES if case.resource is PrimaryResource]
    world = World(case, case.absent)
    provider = world.provider()
    provider.resource.outputs = lambda inputs, facts: {"current": CLEAR, "rows": [{CLEAR: CLEAR}]}  # type: ignore[method-assign]
    read = provider.read("x", {**case.inputs, "ownership": {}})
    assert read.outs is not None
    assert (read.outs["current"], read.outs["rows"]) == (SEEN, [{SEEN: SEEN}])
