"""Any T-SQL gives a result or an error number; never an error of the lab's own, which no TRY could catch."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.sql import engine
from lab.sql.api import Session
from lab.sql.engine.functions.registry import FUNCTIONS, SPECIAL
from lab.tests.sql.engine.conftest import Servers, make_world, ok, run

QUICK = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), max_examples=500
)


def _words(text: str, separator: str | None = None) -> list[str]:
    return text.split(separator)


TYPES = _words(
    "int bigint smallint tinyint bit decimal(5,2) numeric(38,10) money float real char(3) varchar(3) varchar(max) "
    "nchar(3) nvarchar(3) nvarchar(max) binary(3) varbinary(3) varbinary(max) datetime smalldatetime datetime2 date "
    "time datetimeoffset uniqueidentifier sql_variant sysname xml text ntext image timestamp nothing"
)
ATOMS = _words(
    "1|0|-1|2147483648|99999999999999999999|1.5|-0.005|1e10|1e400|1e-400|'a'|''|N'é\U0001d11e'|'12'|'abc'|'2020-01-01'|"
    "'1700-01-01'|'9999-12-31 23:59:59.999'|'2020-13-45'|'12:00'|0x|0x01|0xff00ff|NULL|NEWID()|GETDATE()|SYSDATETIME()|"
    "CAST(1 AS bit)|CAST('10:00' AS time)|CAST(1 AS sql_variant)|@@VERSION|DB_ID()|t.i|t.n|t.d|t.b|t.m|t.g|'%'|@p",
    "|",
)
PARTS = _words("year quarter month dayofyear day week weekday hour minute second millisecond microsecond nothing")
TABLE = """CREATE TABLE t (i int NOT NULL PRIMARY KEY, n nvarchar(20), d datetime, b varbinary(10), m decimal(5,2),
    g uniqueidentifier);
INSERT t VALUES (1, N'a', '2020-01-01', 0x01, 1.5, NEWID()), (2, NULL, NULL, NULL, NULL, NULL)"""
PROCEDURES = ("sp_executesql", "xp_instance_regread", "sp_addextendedproperty", "sp_update_job", "xp_fileexist",
              "xp_dirtree", "sp_rename", "sp_nothing")  # fmt: skip
KNOWN = re.findall(
    r'"((?:SELECT|CREATE|ALTER|DROP|INSERT|UPDATE|DELETE|BACKUP|RESTORE|EXEC|GRANT|DENY|REVOKE|DECLARE|SET)[^"]{5,})"',
    "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("test_*.py"))),
)


class Writer:
    """Writes T-SQL at random: right in form, mostly wrong in types."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.pick = random.choice

    def value(self, depth: int = 0) -> str:
        kind = self.random.randrange(12) if depth < 3 else 0
        if kind < 3:
            return self.pick(ATOMS)
        one, two = self.value(depth + 1), self.value(depth + 1)
        if kind < 5:
            known = FUNCTIONS[self.pick(sorted(FUNCTIONS))]
            count = self.random.randint(known.least, min(known.most, 4) if known.most > known.least else known.most)
            return f"{known.name.split('|')[0]}({', '.join(self.value(depth + 1) for _ in range(count))})"
        return (
            f"CAST({one} AS {self.pick(TYPES)})",
            f"CONVERT({self.pick(TYPES)}, {one}, {self.pick(ATOMS)})",
            f"{self.pick(sorted(SPECIAL))}({self.pick(PARTS)}, {one}, {two})",
            f"({one} {self.pick(list('+-*/%&|^'))} {two})",
            f"{self.pick(list('-~+'))}{one}",
            f"CASE WHEN {self.condition(depth + 1)} THEN {one} ELSE {two} END",
            f"(SELECT {self.pick(['MAX', 'SUM', 'COUNT'])}({one}) FROM t)",
        )[kind - 5]

    def condition(self, depth: int = 0) -> str:
        one, two = self.value(depth + 1), self.value(depth + 1)
        operator = self.pick(["=", "<>", "<", ">=", "LIKE", "NOT LIKE"])
        return self.pick([f"{one} {operator} {two}", f"{one} IS NULL", f"{one} IN ({two})"])

    def statement(self) -> str:
        one, two, atom = self.value(), self.value(), self.pick(ATOMS)
        return self.pick(
            [
                f"SELECT {one}, {two} FROM t WHERE {self.condition()} ORDER BY {atom}",
                f"SELECT {one}, COUNT(*) FROM t GROUP BY {two} HAVING {self.condition()}",
                f"INSERT t ({self.pick('indbmg')}) VALUES ({one})",
                f"UPDATE t SET {self.pick('indbmg')} = {one} WHERE {self.condition()}",
                f"DECLARE @a {self.pick(TYPES)} = {one}; SET @a = {two}; PRINT @a; IF {self.condition()} SELECT @a",
                f"RAISERROR({atom}, {self.pick(ATOMS)}, 1, {self.pick(ATOMS)})",
                f"DECLARE @n sql_variant = {one}; THROW @n, {atom}, 1",
                f"EXEC {self.pick(PROCEDURES)} {', '.join(self.pick(ATOMS) for _ in range(self.random.randrange(4)))}",
                f"BEGIN TRY SELECT {one} END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH",
            ]
        )

    def spoilt(self) -> str:
        """A statement of another test with a few words changed."""
        words = re.findall(r"\s+|\w+|'[^']*'|.", self.pick(KNOWN), re.DOTALL)
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(words))
            words[at] = self.pick([*ATOMS, "", self.pick(words)])
        return "".join(words)


@pytest.fixture(scope="module")
def session(beginning_of_the_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    directory = tmp_path_factory.mktemp("any") / "lab"
    shutil.copytree(beginning_of_the_lab, directory)
    world = make_world(directory)
    engine.start(world)
    made = Servers(world).as_installer("SQL1")
    ok(made, "CREATE DATABASE Any_")
    ok(made, f"USE Any_; {TABLE}")
    yield made
    engine.stop(world)
    world.close()


@QUICK
@given(random=st.randoms(use_true_random=False))
def test_any_statement(session: Session, random: Random) -> None:
    writer = Writer(random)
    text = writer.statement() if random.random() < 0.7 else writer.spoilt()
    run(session, text)
    if session.trancount:
        session.reset()
        run(session, "USE Any_")
