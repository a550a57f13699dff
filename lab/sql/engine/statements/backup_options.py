"""The parts that BACKUP and RESTORE share: names, devices, WITH."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import as_text
from lab.sql.engine.parse.parser import Parser
from lab.sql.engine.query.bind import evaluate
from lab.sql.engine.types import SqlType

FLAGS = frozenset(
    [
        "INIT",
        "NOINIT",
        "FORMAT",
        "NOFORMAT",
        "SKIP",
        "NOSKIP",
        "CHECKSUM",
        "NO_CHECKSUM",
        "COMPRESSION",
        "NO_COMPRESSION",
        "COPY_ONLY",
        "REWIND",
        "NOREWIND",
        "UNLOAD",
        "NOUNLOAD",
        "STOP_ON_ERROR",
        "CONTINUE_AFTER_ERROR",
        "NO_TRUNCATE",
        "NORECOVERY",
        "RECOVERY",
        "REPLACE",
        "RESTRICTED_USER",
        "KEEP_REPLICATION",
        "LOADHISTORY",
        "DIFFERENTIAL",
        "RESTART",
    ]
)
VALUES = frozenset(("STATS", "NAME", "DESCRIPTION", "EXPIREDATE", "RETAINDAYS", "MEDIANAME", "MEDIADESCRIPTION",
                    "BLOCKSIZE",
                    "BUFFERCOUNT", "MAXTRANSFERSIZE", "FILE", "STANDBY", "STOPAT", "STOPATMARK",
                    "PASSWORD"))  # fmt: skip
UNMODELLED = frozenset(
    ("DIFFERENTIAL", "STANDBY", "STOPAT", "STOPATMARK", "RESTRICTED_USER", "KEEP_REPLICATION", "RESTART")
)


@dataclass
class With:
    flags: set[str] = field(default_factory=set)
    values: dict[str, Any] = field(default_factory=dict)
    moves: list[tuple[n.Expression, n.Expression]] = field(default_factory=list)

    def number(self, frame: Frame, name: str, default: int) -> int:
        value = self.values.get(name)
        if value is None:
            return default
        return int(text_of(frame, value) or default)


def parse_with(p: Parser) -> With:
    found = With()
    if not p.accept("WITH"):
        return found
    while True:
        word = p.word()
        if word == "MOVE":
            source = text_or_variable(p)
            p.expect("TO")
            found.moves.append((source, text_or_variable(p)))
        elif word in VALUES and (p.accept("=") or word == "STATS"):
            if word == "STATS" and p.tokens[p.position - 1].text != "=":
                found.values[word] = n.Literal(10, SqlType("int"))
            else:
                found.values[word] = p._primary()
        elif word in FLAGS:
            found.flags.add(word)
        else:
            raise error(155, word, "BACKUP") if word not in FLAGS | VALUES else error(102, word)
        if word in UNMODELLED:
            raise not_modelled(f"WITH {word}")
        if not p.accept(","):
            return found


def text_or_variable(p: Parser) -> n.Expression:
    token = p.token
    if token.kind == "variable":
        return n.Variable(p.next().text)
    return n.Literal(p.string(), SqlType("nvarchar", 4000))


def name_or_variable(p: Parser) -> n.Expression:
    if p.token.kind == "variable":
        return n.Variable(p.next().text)
    return n.Literal(p.name(), SqlType("nvarchar", 128))


def devices(p: Parser) -> list[n.Expression]:
    found = []
    while True:
        if not p.accept("DISK"):
            raise (
                not_modelled("backup devices other than DISK")
                if p.at_any("TAPE", "URL") or p.at_name()
                else error(102, p.token.text)
            )
        p.expect("=")
        found.append(text_or_variable(p))
        if not p.accept(","):
            break
    if len(found) > 1:
        raise not_modelled("a backup striped over several files")
    return found


def text_of(frame: Frame, node: n.Expression) -> str:
    return as_text(evaluate(frame, node)[0] or "")
