"""Who configures the portal, where its databases are, and with which passphrase."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from lab.powershell.api import Session
from lab.sql.api import Session as SqlSession
from lab.wap.database import Target, connected

PROGRAM = "Windows Azure Pack Configuration"
"""As which it logs on."""


@dataclass(frozen=True)
class Setup:
    """Who configures, where the databases are, and with which passphrase."""

    session: Session
    target: Target
    passphrase: str
    experience: str = "No"
    """Whether the node takes part in the Customer Experience Improvement Program: Yes or No."""

    def open(self, database: str = "") -> AbstractContextManager[SqlSession]:
        return connected(self.session.machine, self.target.at(database), self.session.identity, PROGRAM)
