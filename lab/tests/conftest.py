"""How the lab's own tests run: each process in a network of its own, the tests of one file in one process."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadFileScheduling

from lab.testing import isolation


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Called in the first process and in each that it starts for tests, before anything else."""
    isolation.isolate_pytest(config)


@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    """Last: a suite that runs these tests among others has an order of its own."""
    return LoadFileScheduling(config, log)
