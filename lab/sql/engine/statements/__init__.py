"""Statements by topic: each module parses its statements and does them."""

from functools import cache


@cache
def load() -> None:
    """Import the topics, which register their parsers."""
    from lab.sql.engine.statements import (  # noqa: F401
        authorization,
        availability_create,
        availability_group,
        availability_replica,
        backup_database,
        change_rows,
        control,
        credential,
        database,
        database_options,
        endpoint,
        errors,
        execute,
        grants,
        index,
        login,
        login_drop,
        module,
        restore_database,
        schema,
        select,
        server,
        settings,
        table,
        table_change,
        transactions,
        user,
    )
