"""Statements and commands of PowerShell 3.0, and ``parse``: text in, tree out, or the error PowerShell gives.

Written for this lab because the grammar it would otherwise use (tree-sitter-powershell 0.26) rejects valid scripts,
for instance ``function f { param($A) $A }`` and ``Select-Object a,b``. The tests compare the two where that grammar
reads a script, and check texts with Microsoft's parser where it is at hand.
"""

from __future__ import annotations

from functools import lru_cache

from lab.powershell.command_parser import CommandParser
from lab.powershell.statement_parser import StatementParser
from lab.powershell.syntax import (
    Script,
)


class Parser(CommandParser, StatementParser):
    """The whole grammar."""

    def script(self) -> Script:
        """The whole text."""
        found = self.script_body("")
        if self.pos < self.length:
            raise self.unexpected()
        return found


@lru_cache(maxsize=512)
def parse(text: str) -> Script:
    """The tree of a script, made once for a text and never changed. Raises ParseError as PowerShell would."""
    return Parser(text).script()
