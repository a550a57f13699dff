"""The portal: moments within its configuration at which a test lets something happen, which no client can hit; and what
no cmdlet shows or brings about."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from lab.testing.handle import AnyLab, inside
from lab.wap import cmdlets_config, configure


@contextmanager
def before_feature(nth: int, happens: Callable[[], None]) -> Iterator[None]:
    """Something happens before the nth feature (from 1) is configured by a cmdlet."""
    with patch.object(cmdlets_config, "initialize", _before(nth, happens, configure.initialize)):
        yield


@contextmanager
def before_database(nth: int, happens: Callable[[], None]) -> Iterator[None]:
    """Something happens before the nth database (from 1) is made or found."""
    with patch.object(configure, "ensure_schema", _before(nth, happens, configure.ensure_schema)):
        yield


def without_cmdlets(lab: AnyLab) -> None:
    """The portal has no PowerShell cmdlets: it is of the release before Windows Azure Pack."""
    inside(lab).collection("wap", "model")["model"] = {"cmdlets": False}


def components(lab: AnyLab, machine: str) -> list[str]:
    """The portal's packages that are installed."""
    return list(inside(lab).machine(machine).collection("wap-component"))


def forget_features(lab: AnyLab, machine: str) -> None:
    """No feature that is installed is configured."""
    inside(lab).machine(machine).collection("wap-feature").clear()


def _before(nth: int, happens: Callable[[], None], call: Callable[..., None]) -> Callable[..., None]:
    calls = itertools.count(1)

    def called(*arguments: Any) -> None:
        if next(calls) == nth:
            happens()
        call(*arguments)

    return called
