"""T-SQL text into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.sql.engine.errors import error

RESERVED = frozenset(
    [
        "ADD",
        "ALL",
        "ALTER",
        "AND",
        "ANY",
        "AS",
        "ASC",
        "AUTHORIZATION",
        "BACKUP",
        "BEGIN",
        "BETWEEN",
        "BREAK",
        "BROWSE",
        "BULK",
        "BY",
        "CASCADE",
        "CASE",
        "CHECK",
        "CHECKPOINT",
        "CLOSE",
        "CLUSTERED",
        "COALESCE",
        "COLLATE",
        "COLUMN",
        "COMMIT",
        "COMPUTE",
        "CONSTRAINT",
        "CONTAINS",
        "CONTAINSTABLE",
        "CONTINUE",
        "CONVERT",
        "CREATE",
        "CROSS",
        "CURRENT",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "CURRENT_USER",
        "CURSOR",
        "DATABASE",
        "DBCC",
        "DEALLOCATE",
        "DECLARE",
        "DEFAULT",
        "DELETE",
        "DENY",
        "DESC",
        "DISK",
        "DISTINCT",
        "DISTRIBUTED",
        "DOUBLE",
        "DROP",
        "DUMP",
        "ELSE",
        "END",
        "ERRLVL",
        "ESCAPE",
        "EXCEPT",
        "EXEC",
        "EXECUTE",
        "EXISTS",
        "EXIT",
        "EXTERNAL",
        "FETCH",
        "FILE",
        "FILLFACTOR",
        "FOR",
        "FOREIGN",
        "FREETEXT",
        "FREETEXTTABLE",
        "FROM",
        "FULL",
        "FUNCTION",
        "GOTO",
        "GRANT",
        "GROUP",
        "HAVING",
        "HOLDLOCK",
        "IDENTITY",
        "IDENTITY_INSERT",
        "IDENTITYCOL",
        "IF",
        "IN",
        "INDEX",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "KEY",
        "KILL",
        "LEFT",
        "LIKE",
        "LINENO",
        "LOAD",
        "MERGE",
        "NATIONAL",
        "NOCHECK",
        "NONCLUSTERED",
        "NOT",
        "NULL",
        "NULLIF",
        "OF",
        "OFF",
        "OFFSETS",
        "ON",
        "OPEN",
        "OPENDATASOURCE",
        "OPENQUERY",
        "OPENROWSET",
        "OPENXML",
        "OPTION",
        "OR",
        "ORDER",
        "OUTER",
        "OVER",
        "PERCENT",
        "PIVOT",
        "PLAN",
        "PRECISION",
        "PRIMARY",
        "PRINT",
        "PROC",
        "PROCEDURE",
        "PUBLIC",
        "RAISERROR",
        "READ",
        "READTEXT",
        "RECONFIGURE",
        "REFERENCES",
        "REPLICATION",
        "RESTORE",
        "RESTRICT",
        "RETURN",
        "REVERT",
        "REVOKE",
        "RIGHT",
        "ROLLBACK",
        "ROWCOUNT",
        "ROWGUIDCOL",
        "RULE",
        "SAVE",
        "SCHEMA",
        "SECURITYAUDIT",
        "SELECT",
        "SEMANTICKEYPHRASETABLE",
        "SEMANTICSIMILARITYDETAILSTABLE",
        "SEMANTICSIMILARITYTABLE",
        "SESSION_USER",
        "SET",
        "SETUSER",
        "SHUTDOWN",
        "SOME",
        "STATISTICS",
        "SYSTEM_USER",
        "TABLE",
        "TABLESAMPLE",
        "TEXTSIZE",
        "THEN",
        "TO",
        "TOP",
        "TRAN",
        "TRANSACTION",
        "TRIGGER",
        "TRUNCATE",
        "TRY_CONVERT",
        "TSEQUAL",
        "UNION",
        "UNIQUE",
        "UNPIVOT",
        "UPDATE",
        "UPDATETEXT",
        "USE",
        "USER",
        "VALUES",
        "VARYING",
        "VIEW",
        "WAITFOR",
        "WHEN",
        "WHERE",
        "WHILE",
        "WITH",
        "WITHIN",
        "WRITETEXT",
    ]
)
"""Words that cannot be a name without brackets (SQL Server 2012, "Reserved Keywords")."""

_TOKEN = re.compile(
    r"""(?P<space>[\s\u00a0\ufeff]+|--[^\n]*)
      | (?P<comment>/\*)
      | (?P<string>[nN]?'(?:[^']|'')*')
      | (?P<bracket>\[(?:[^\]]|\]\])*\])
      | (?P<double>"(?:[^"]|"")*")
      | (?P<hex>0[xX][0-9a-fA-F]*(?![\w]))
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<variable>@@?[\w@#$]+)
      | (?P<word>[^\W\d][\w@#$]*|\#\#?[\w@#$]+|\$[a-zA-Z]+)
      | (?P<op><>|<=|>=|!=|!<|!>|\+=|-=|\*=|/=|%=|&=|\|=|\^=|::|[-+*/%&|^~=<>(),.;:])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """``kind`` is word, name (quoted), string, nstring, hex, number, variable, op or end; ``text`` is the value."""

    kind: str
    text: str
    line: int
    start: int
    end: int
    raw: str = ""

    @property
    def upper(self) -> str:
        return self.text.upper()

    @property
    def reserved(self) -> bool:
        return self.kind == "word" and self.upper in RESERVED


def tokens(text: str, *, quoted_identifier: bool = True) -> list[Token]:
    """All tokens and one of kind ``end``. Raises 102, 105 or 113."""
    found: list[Token] = []
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:]
            if rest[0] in "'\"[" or rest[:2] in ("N'", "n'"):
                raise error(105, rest.lstrip("Nn").lstrip("'\"[")[:128], line=line)
            raise error(102, rest[0], line=line)
        kind, raw, start = str(match.lastgroup), match[0], position
        position = match.end()
        if kind == "comment":
            position = _comment_end(text, position, line)
            raw = text[start:position]
        elif kind != "space":
            found.append(_token(kind, raw, line, start, position, quoted_identifier))
        line += raw.count("\n")
    found.append(Token("end", "", line, len(text), len(text)))
    return found


def _comment_end(text: str, position: int, line: int) -> int:
    depth = 1
    while depth:
        opening, closing = text.find("/*", position), text.find("*/", position)
        if closing < 0:
            raise error(113, line=line)
        if 0 <= opening < closing:
            depth, position = depth + 1, opening + 2
        else:
            depth, position = depth - 1, closing + 2
    return position


def _token(kind: str, raw: str, line: int, start: int, end: int, quoted_identifier: bool) -> Token:
    value = raw
    if kind == "string":
        kind = "nstring" if raw[0] in "nN" else "string"
        value = raw[raw.index("'") + 1 : -1].replace("''", "'")
    elif kind == "bracket":
        kind, value = "name", raw[1:-1].replace("]]", "]")
    elif kind == "double":
        kind, value = ("name" if quoted_identifier else "string"), raw[1:-1].replace('""', '"')
    if kind in ("name", "word") and len(value) > 128:
        raise error(103, value[:128], line=line)
    return Token(kind, value, line, start, end, raw)
