"""Every statement, catalog view, column, procedure and function of the lab's SQL Server is needed: by the program, its
tests, the lab's portal, another client, or for a reason here. Every one of the program's scripts is in the lab."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.lab_users import texts

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "lab" / "sql" / "engine"
NAMED = re.compile(r"(?<![\w.])(?:sys|information_schema|(?:msdb|master)(?:\.dbo|\.))\.\w+")
EXECUTED = re.compile(r"(?i)\bexec(?:ute)?\s+(?:@\w+\s*=\s*)?(?:\w+\.)*((?:sp|xp)_\w+)")
WORD_OR_SIGN = re.compile(r"\w+|[^\w\s]")

KEPT = {
    "The language: any script of the lab's users may have it.": """
        ASCII CEILING CHAR CHECKSUM CHOOSE CONCAT DATALENGTH DATENAME DATEPART DAY ERROR_LINE ERROR_PROCEDURE
        ERROR_SEVERITY ERROR_STATE FLOOR HASHBYTES ISDATE ISNULL ISNUMERIC LTRIM MONTH NCHAR NEWID NULLIF PATINDEX POWER
        RAND REPLICATE REVERSE RIGHT RTRIM SCOPE_IDENTITY SPACE SQRT STUFF SYSDATETIME UNICODE YEAR
    """,
    "The language: what makes and changes a schema, for clients that bring their own.": """
        ALTER-TABLE ALTER-VIEW CREATE-INDEX CREATE-UNIQUE CREATE-VIEW DROP-INDEX DROP-ROLE DROP-SCHEMA DROP-TABLE
        DROP-VIEW TRUNCATE-TABLE
    """,
    "The language: other spellings of statements that are used, and RAISERROR, which THROW replaces.": """
        BEGIN-TRAN EXEC-AS RAISERROR
    """,
    "The language: a hint without an effect that a client sees.": """
        CHECKPOINT
    """,
    "They are refused by their names: the lab does not model them.": """
        ALTER-CREDENTIAL DBCC RECONFIGURE
    """,
    "Undoes CREATE MASTER KEY, which the program's tests use.": """
        DROP-MASTER-KEY
    """,
    "Tells who a session is while EXECUTE AS holds.": """
        USER_NAME
    """,
    "Makes the hash that PWDCOMPARE reads, which the program calls.": """
        PWDENCRYPT
    """,
    "sp_update_job takes it, which the program calls.": """
        msdb.dbo.sysjobs.job_id
    """,
    "Says which request percent_complete is of, which the program reads.": """
        sys.dm_exec_requests.command
    """,
    "Shows what the program meets and reads elsewhere: a server's own copy, a suspension that its replica has not"
    " confirmed, a backup with checksums.": """
        sys.dm_hadr_database_replica_states.is_local
        sys.dm_hadr_database_replica_cluster_states.is_pending_secondary_suspend
        msdb.dbo.backupset.has_backup_checksums
    """,
}


def calls(decorator: str) -> Iterator[ast.Call]:
    """The decorators of this name in the engine's sources."""
    for file in ENGINE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for node in ast.parse(text).body if f"@{decorator}(" in text else ():
            for one in getattr(node, "decorator_list", ()):
                if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == decorator:
                    yield one


def given(call: ast.Call, position: int) -> str:
    return str(ast.literal_eval(call.args[position]))


def columns() -> dict[str, set[str]]:
    """View → the columns that it has, in lower case."""
    split = re.compile(r",\s*(?![^(]*\))")
    return {
        given(one, 0).lower(): {column.split()[0].lower() for column in split.split(given(one, 1))}
        for one in calls("view")
    }


def procedures() -> set[str]:
    return {given(one, 0).lower() for one in calls("procedure")}


def statements() -> set[str]:
    """The words that statements begin with, joined by hyphens."""
    leading = re.compile(r"statement\(((?:\"[A-Z]+\"(?:, )?)+)\)")
    texts_ = [file.read_text(encoding="utf-8") for file in (ENGINE / "statements").glob("*.py")]
    return {"-".join(re.findall(r"\w+", words)).lower() for text in texts_ for words in leading.findall(text)}


def functions() -> set[str]:
    registered = [*calls("function"), *calls("special")]
    return {name.lower() for one in registered for name in given(one, 0).split("|")}


def _spaced(text: str) -> str:
    """Its words and signs, each between two blanks."""
    return f" {' '.join(WORD_OR_SIGN.findall(text))} "


def unused() -> set[str]:
    """Names of the lab that none of its users has; a column as ``view.column``."""
    all_texts = [text.replace("msdb..", "msdb.dbo.") for text in texts("lab/wap", "lab/windows")]
    words = set().union(*(re.findall(r"\w+", text) for text in all_texts))
    called = set().union(*(re.findall(r"(\w+)\(", text) for text in all_texts))
    phrases = [_spaced(text) for text in all_texts]
    begun = {one for one in statements() if any(f" {one.replace('-', ' ')} " in text for text in phrases)}
    found = (procedures() - words) | (functions() - called) | (statements() - begun)
    for view, names in columns().items():
        whole = re.compile(rf"(?<!\w){re.escape(view)}(?!\w)")
        near = [text for text in all_texts if view in text and whole.search(text)]
        here = set().union(*(re.findall(r"\w+", text) for text in near))
        found |= {f"{view}.{name}" for name in names - here} if near else {view}
    return found


def test_whatever_the_lab_has_is_used_or_kept_for_a_reason() -> None:
    assert len(columns()) > 30
    assert len(statements()) > 60
    assert len(procedures()) > 5
    assert len(functions()) > 40
    kept = {name.lower() for names in KEPT.values() for name in names.split()}
    found = unused()
    assert found - kept == set(), "nothing needs it: delete it and name it as not modelled, or say in KEPT why it stays"
    assert kept - found == set(), "it is used, or gone: take it out of KEPT"


def test_whatever_the_programs_scripts_have_is_in_the_lab() -> None:
    scripts = [file for place in ("components", "remote", "operations") for file in (ROOT / place).rglob("*.sql")]
    assert len(scripts) > 80
    known = columns()
    for file in scripts:
        text = re.sub(r"--.*", "", file.read_text(encoding="utf-8")).replace("msdb..", "msdb.dbo.")
        views = {name.lower() for name in NAMED.findall(text)}
        executed = {name.lower() for name in EXECUTED.findall(text)}
        assert executed <= procedures(), file
        assert {one for one in views if not one.rpartition(".")[2].startswith(("sp_", "xp_", "fn_"))} <= set(known), (
            file
        )
