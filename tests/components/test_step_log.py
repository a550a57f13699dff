"""The log of steps: one line for each, with its result, secrets masked; and a file that cannot be written to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from components import progress, step_log
from components.step_log import StepLog
from components.step_runner import StepRunner
from components.steps import Refuse, Step
from remote.errors import MachineError
from remote.hosts import Hosts
from remote.secret import Secret
from remote.session import Remote

URN = "urn:pulumi:dev::windows-azure-pack-ha::wap:farm:Farm$pulumi-python:dynamic/nlb:Node::Portal2-node"


def run(step: Step, log: StepLog) -> None:
    StepRunner(Remote(Hosts({})), lambda _text: None, log).run(step, lambda: None)


def test_each_step_is_a_line_with_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_log, "FOLDER", tmp_path / "logs")
    log = StepLog.of(URN)
    Secret("Never-Written-4!")
    refused = Step("On Portal2, join with Never-Written-4!.", Refuse("Portal2", "no,\nnot\tnow \x1b[2J"))
    for _ in range(2):
        with pytest.raises(MachineError):
            run(refused, log)
    log.ended(Step("On Portal2, leave.", Refuse("Portal2", "")), 3.21, None)
    lines = (tmp_path / "logs" / "dev.log").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[1:3] for line in lines] == [["Portal2-node", "Portal2"]] * 3
    failed, _, done = ([*line.split("\t")] for line in lines)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", failed[0])
    assert re.fullmatch(r"failed after \d+\.\d s: no, not now \\x1b\[2J", failed[3])
    assert failed[4] == "On Portal2, join with ***."
    assert done[3:] == ["done in 3.2 s", "On Portal2, leave."]


def test_a_log_that_cannot_be_written_to_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    monkeypatch.setattr(step_log, "FOLDER", tmp_path / "logs")
    progress.forget_warnings()
    for _ in range(2):
        with pytest.raises(MachineError, match="no way"):
            run(Step("On Portal2, join.", Refuse("Portal2", "no way")), StepLog.of(URN))
    assert capsys.readouterr().err == f"The steps are not logged: {tmp_path}/logs/dev.log: File exists.\n"


def test_without_an_engine_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MachineError):
        run(Step("On Portal2, join.", Refuse("Portal2", "no")), StepLog.of(""))
    assert list(tmp_path.iterdir()) == []
