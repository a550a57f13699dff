"""How the tests run: side by side, each process in a network of its own, and what is said of those that fail."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from lab.testing import isolation

_DESIGNS = "test_designs.py"
"""The tests of one design share a farm; those of two do not, though they stand in one file."""


_LONGEST = ("maintenance", "broken_calls", "growing", "designs", "trouble", "life", "login_mirror", "interrupted")
"""End-to-end modules of several minutes, the longest first: one that begins last keeps the other processes waiting."""


def _place(item: pytest.Item) -> int:
    """Where in the order of the files a test's own one comes."""
    if "/e2e/" not in item.nodeid:
        return len(_LONGEST) + 1
    name = Path(item.nodeid.partition("::")[0]).stem.removeprefix("test_")
    return next((place for place, long in enumerate(_LONGEST) if name.startswith(long)), len(_LONGEST))


def _unit(nodeid: str) -> str:
    """What of a test's name says with which others it runs in one process, one after the other."""
    file, _, test = nodeid.partition("::")
    design = test.partition("[")[2] if file.endswith(f"e2e/{_DESIGNS}") else ""
    return f"{file}::{design}"


class _ByFarm(LoadScopeScheduling):  # type: ignore[misc]  # the package tells no types
    """Hands out whole files, the tests with the real CLI first: they take longest."""

    def _split_scope(self, nodeid: str) -> str:
        return _unit(nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Called in the first process and in each that it starts for tests, before anything else."""
    isolation.isolate_pytest(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    config.option.loadscopereorder = False
    return _ByFarm(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests with the real CLI come first, and stay in the order of their file: they build on each other."""
    items.sort(key=_place)
    for item in items:
        if "/e2e/" in item.nodeid:
            item.add_marker(pytest.mark.random_order(disabled=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if commands := sorted({_alone(report.nodeid) for report in _failed(terminalreporter)}):
        terminalreporter.section("To run what failed alone")
        for command in commands:
            terminalreporter.line(command)


def _failed(reporter: pytest.TerminalReporter) -> Iterable[pytest.TestReport]:
    return [*reporter.stats.get("failed", []), *reporter.stats.get("error", [])]


def _alone(nodeid: str) -> str:
    """The tests of an end-to-end module go on from what the ones before them left, so all of it has to run."""
    file = nodeid.partition("::")[0]
    return f".venv/bin/python -m pytest '{file if Path(file).parts[1] == 'e2e' else nodeid}'"
