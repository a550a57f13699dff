"""The file system drive: content, directories, shares and the second hop."""

from __future__ import annotations

from typing import Any

import pytest

from lab.powershell.api import DRIVES, PowerShellError

FILES = DRIVES["filesystem"]


def test_content_goes_round_trip_in_each_encoding(shell: Any) -> None:
    session = shell("Portal1").session
    for encoding in (None, "UTF8", "Unicode", "BigEndianUnicode"):
        FILES.write_text(session, "C:\\Windows\\Temp\\Text.txt", "Grüße\r\n", encoding)
        assert FILES.read_text(session, "c:\\windows\\temp\\TEXT.TXT") == "Grüße\r\n"


def test_items_carry_their_names(shell: Any) -> None:
    session = shell("Portal1").session
    FILES.new(session, "C:\\Data\\Deep\\Folder", type="Directory")
    FILES.new(session, "C:\\Data\\a.txt", type="File", value="x")
    names = [child.get("Name") for child in FILES.children(session, "C:\\Data")]
    assert names == ["Deep", "a.txt"]
    item = FILES.item(session, "C:\\Data\\a.txt")
    assert item is not None
    assert (item.type_name, item.get("Length"), item.get("DirectoryName")) == ("System.IO.FileInfo", 1, "C:\\Data")
    assert FILES.item(session, "C:\\Data\\b.txt") is None


def test_what_exists_is_not_made_again(shell: Any) -> None:
    session = shell("Portal1").session
    FILES.new(session, "C:\\Data", type="Directory")
    with pytest.raises(PowerShellError, match="already exists"):
        FILES.new(session, "C:\\Data", type="Directory")
    FILES.new(session, "C:\\Data", type="Directory", force=True)


def test_a_directory_with_content_goes_only_with_recurse(shell: Any) -> None:
    session = shell("Portal1").session
    FILES.new(session, "C:\\Data\\x.txt", type="File", force=True)
    with pytest.raises(PowerShellError, match="Recurse"):
        FILES.remove(session, "C:\\Data", recurse=False)
    FILES.remove(session, "C:\\Data", recurse=True)
    assert FILES.item(session, "C:\\Data") is None


def test_a_network_log_on_reaches_no_share_of_another_machine(shell: Any) -> None:
    with pytest.raises(PowerShellError, match="Access is denied"):
        FILES.item(shell("SQL1").session, "\\\\FILE\\SQLAG")
    assert FILES.item(shell("SQL1", logon="batch").session, "\\\\FILE\\SQLAG") is not None
    assert FILES.item(shell("FILE").session, "\\\\FILE\\SQLAG") is not None


def test_unknown_servers_and_shares_are_absent(shell: Any) -> None:
    session = shell("SQL1", logon="batch").session
    assert FILES.item(session, "\\\\NOWHERE\\SQLAG") is None
    assert FILES.item(session, "\\\\FILE\\Other") is None


def test_reading_nothing_is_an_error(shell: Any) -> None:
    with pytest.raises(PowerShellError, match="Cannot find path"):
        FILES.read_text(shell("Portal1").session, "C:\\none.txt")
