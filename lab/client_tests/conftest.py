"""Client tests run in a network of their own, as the lab's tests do."""

from __future__ import annotations

import pytest

from lab.testing import isolation


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Called before anything else."""
    isolation.isolate_pytest(config)
