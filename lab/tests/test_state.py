"""What was done by hand before: carried out by the lab's own evaluators, stopped at the entry that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import boot, state
from lab.client import LabError
from lab.testing.worlds import TOPOLOGY
from lab.world import World


def begin(folder: Path, text: str) -> World:
    """A lab on a network of its own that begins with what a text says."""
    topology, file = folder / "topology.yaml", folder / "by-hand.yaml"
    topology.write_text(TOPOLOGY.read_text(encoding="utf-8").replace("172.21.5", "172.67.5"), encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    world = boot.build(topology, folder / "lab", 0)
    try:
        boot.start(world, state.read(file))
    finally:
        boot.stop(world)
    return world


def test_powershell_and_sql_are_carried_out(tmp_path: Path) -> None:
    world = begin(
        tmp_path,
        "- machine: Portal1\n  powershell: |\n    New-Item -Path C:\\ByHand -ItemType Directory\n"
        "- {machine: SQL1, sql: 'CREATE DATABASE [Shop]'}\n"
        "- {machine: SQL1, sql: 'CREATE TABLE Goods (Id int)', database: Shop}\n",
    )
    assert (tmp_path / "lab" / "files" / "portal1" / "C" / "ByHand").is_dir()
    assert "begun" in world.collection("lab", "lab")
    world.close()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{machine: Portal1, powershell: 'throw \"broken\"'}", ":2: on Portal1: broken"),
        ("{machine: Portal1, powershell: 'Get-Nothing'}", ":2: on Portal1: The term 'Get-Nothing' is not recognized"),
        ("{machine: SQL1, sql: 'USE Nowhere'}", ":2: on SQL1: Database 'Nowhere' does not exist."),
        ("{machine: SQL1, sql: 'SELECT 1', database: Nowhere}", ":2: on SQL1: "),
        ("{machine: Portal9, powershell: '1'}", ":2: there is no machine Portal9; the lab has Portal1, Portal2"),
    ],
)
def test_an_entry_that_fails_ends_the_beginning(entry: str, said: str, tmp_path: Path) -> None:
    harmless = "- {machine: Portal1, powershell: '1'}\n"
    with pytest.raises(LabError) as caught:
        begin(tmp_path, f"{harmless}- {entry}\n{harmless}")
    assert f"{tmp_path / 'by-hand.yaml'}{said}" in str(caught.value)
    assert boot.begun(tmp_path / "lab") is None, "the next start recreates it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", ": is no list of entries"),
        ("- a\n- b", ":1: an entry is a mapping of texts"),
        ("- {machine: A, powershell: 1}", ":1: an entry is a mapping of texts"),
        ("- {machine: A, shell: x}", ":1: unknown key shell; possible are database, machine, powershell, sql"),
        ("- {machine: A}", ":1: give a machine, and either powershell or sql"),
        ("- {machine: A, sql: x, powershell: x}", ":1: give a machine, and either powershell or sql"),
        ("- {machine: A, powershell: x, database: y}", ":1: database goes with sql"),
        ("- [", ": while parsing"),
    ],
)
def test_a_file_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "by-hand.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(LabError) as caught:
        state.read(file)
    assert f"{file}{said}" in str(caught.value)
