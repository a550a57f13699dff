"""The registry drive: keys, values with their kinds, and the provider's refusals."""

from __future__ import annotations

from typing import Any

import pytest

from lab.powershell.api import DRIVES, PowerShellError
from lab.windows import registry

HKLM = DRIVES["hklm"]


def test_keys_and_values_are_found_without_case(shell: Any) -> None:
    session = shell("Portal1").session
    HKLM.new(session, "SOFTWARE\\Contoso\\Product", force=True)
    HKLM.set_property(session, "software\\contoso\\PRODUCT", "Mode", 2, None)
    found = HKLM.properties(session, "Software\\Contoso\\product")
    assert found is not None
    assert found.get("MODE") == 2
    assert registry.value(session.machine, "HKLM\\Software\\contoso\\Product", "mode") == 2
    item = HKLM.item(session, "software\\contoso\\product")
    assert item is not None
    assert item.get("Name") == "HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\\Product"
    assert item.methods["getvalue"]("mode") == 2
    assert item.methods["getvalue"]("none", "other") == "other"


@pytest.mark.parametrize(
    ("kind", "written", "read"),
    [
        ("DWord", -1, -1),
        ("DWord", "2", 2),
        ("QWord", 1 << 40, 1 << 40),
        ("MultiString", ["a", "b"], ["a", "b"]),
        ("Binary", [1, 255], [1, 255]),
        ("String", 5, "5"),
    ],
)
def test_kinds_keep_their_values(shell: Any, kind: str, written: Any, read: Any) -> None:
    session = shell("Portal1").session
    HKLM.new(session, "SOFTWARE\\Kinds")
    HKLM.set_property(session, "SOFTWARE\\Kinds", "v", written, kind)
    found = HKLM.properties(session, "SOFTWARE\\Kinds")
    assert found is not None
    assert found.get("v") == read


def test_a_value_keeps_its_kind_when_none_is_named(shell: Any) -> None:
    session = shell("Portal1").session
    HKLM.new(session, "SOFTWARE\\Kept")
    HKLM.set_property(session, "SOFTWARE\\Kept", "v", 1, "QWord")
    HKLM.set_property(session, "SOFTWARE\\Kept", "v", 2, None)
    item = HKLM.item(session, "SOFTWARE\\Kept")
    assert item is not None
    assert item.methods["getvaluekind"]("v") == "QWord"


def test_a_number_too_large_for_its_kind_is_refused(shell: Any) -> None:
    session = shell("Portal1").session
    HKLM.new(session, "SOFTWARE\\Large")
    with pytest.raises(PowerShellError, match="RegistryValueKind"):
        HKLM.set_property(session, "SOFTWARE\\Large", "v", 1 << 32, "DWord")


def test_a_key_needs_its_parent_unless_forced(shell: Any) -> None:
    session = shell("Portal1").session
    with pytest.raises(PowerShellError, match="does not exist"):
        HKLM.new(session, "SOFTWARE\\No\\Parent")
    HKLM.new(session, "SOFTWARE\\No\\Parent", force=True)
    assert [child.get("PSChildName") for child in HKLM.children(session, "SOFTWARE\\No")] == ["Parent"]
    with pytest.raises(PowerShellError, match="already exists"):
        HKLM.new(session, "SOFTWARE\\No\\parent")


def test_removal_of_a_key_with_children_asks_first(shell: Any) -> None:
    session = shell("Portal1").session
    HKLM.new(session, "SOFTWARE\\A\\B", force=True)
    with pytest.raises(PowerShellError, match="Recurse"):
        HKLM.remove(session, "SOFTWARE\\A", recurse=False)
    HKLM.remove(session, "SOFTWARE\\A\\B", recurse=False)
    assert HKLM.item(session, "SOFTWARE\\A") is not None
    HKLM.remove(session, "SOFTWARE\\A", recurse=False)
    assert HKLM.item(session, "SOFTWARE\\A") is None


def test_a_missing_value_cannot_be_removed(shell: Any) -> None:
    session = shell("Portal1").session
    with pytest.raises(PowerShellError, match="Property none does not exist"):
        HKLM.remove_property(session, "SYSTEM\\CurrentControlSet\\Control\\Session Manager", "none")


def test_only_administrators_write(shell: Any) -> None:
    session = shell("Portal1", user="HYPERVNU\\operator", logon="batch").session
    with pytest.raises(PowerShellError, match="not allowed"):
        HKLM.new(session, "SOFTWARE\\Mine")


def test_pending_restart_is_seen(shell: Any) -> None:
    machine = shell("Portal1").session.machine
    assert not registry.restart_pending(machine)
    registry.write(machine, registry.SESSION_MANAGER, "PendingFileRenameOperations", ["\\??\\C:\\x", ""], "MultiString")
    assert registry.restart_pending(machine)
