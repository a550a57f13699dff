"""Packages of the operating system: the ODBC driver manager, and for the tests of the report a browser."""

from __future__ import annotations

import ctypes
import os
import shutil

from tools.bootstrap.stage import StageError, quiet, say, stage

ODBC = "libodbc.so.2"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""The names that tests/browser looks for."""


def odbc(library: str = ODBC) -> None:
    """Guarantees the ODBC driver manager, whose file is ``library``: installed as root, asked for otherwise. Raises
    StageError."""
    if _loads(library):
        return
    if not _can_install():
        ways = "Debian, Ubuntu: sudo apt-get install unixodbc; Fedora, RHEL: sudo dnf install unixODBC"
        raise StageError(f"The one system package that is missing is unixodbc. Install it and run make again. {ways}")
    _install("unixodbc")
    if not _loads(library):
        raise StageError(f"unixodbc is installed, but {library} still cannot be loaded; look at ldconfig -p.")


def browser() -> None:
    """Install Debian's Chromium where that can be done. Without a browser its tests are skipped, and say so."""
    if any(shutil.which(name) for name in _BROWSERS):
        return
    if _can_install():
        try:
            _install("chromium")
        except StageError as error:
            say(f"   Chromium cannot be installed, the tests that need a browser are skipped: {error}")
    else:
        say("   No Chromium on PATH: the tests that need a browser are skipped (Debian: sudo apt-get install chromium)")


def _can_install() -> bool:
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def _install(package: str) -> None:
    with stage(f"System package {package}"):
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        quiet(["apt-get", "update", "-q"], env)
        quiet(["apt-get", "install", "-q", "-y", "--no-install-recommends", package], env)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
