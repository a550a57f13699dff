"""Runs the statements of every client test through a Python client and prints what they gave as JSON.

``python client.py pymssql|pytds|mssql_python HOST PASSWORD``. A program of its own: it runs in an environment that has
the clients and not the lab.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any


def connect(name: str, host: str, password: str) -> Any:
    client: Any = importlib.import_module(name)
    if name == "pymssql":
        return client.connect(host, "sa", password, "master", timeout=2, login_timeout=10, autocommit=True)
    if name == "pytds":
        return client.connect(host, "master", "sa", password, timeout=2, login_timeout=10, autocommit=True)
    words = f"SERVER={host};DATABASE=master;UID=sa;PWD={password};Encrypt=yes;TrustServerCertificate=yes"
    connection = client.connect(words, autocommit=True, timeout=10)
    connection.timeout = 2
    return connection


def main(name: str, host: str, password: str) -> None:
    connection = connect(name, host, password)
    cursor = connection.cursor()
    mark = "?" if name == "mssql_python" else "%d" if name == "pymssql" else "%s"

    def rows(text: str, *parameters: Any) -> list[Any]:
        cursor.execute(text, parameters) if parameters else cursor.execute(text)
        return list(cursor.fetchall())

    found: dict[str, Any] = {"one": rows("select 1")[0][0]}
    found["parameter"] = rows("select name from sys.databases where database_id = " + mark, 1)[0][0]
    every = "select name, database_id, create_date, is_read_only, source_database_id from sys.databases"
    found["rows"] = len(rows(every))
    try:
        rows("select 1/0")
    except Exception as failure:
        found["error"] = str(failure)
    began = time.monotonic()
    try:
        cursor.execute("waitfor delay '00:20:00'")
        found["cancelled"] = False
    except Exception:
        found["cancelled"] = time.monotonic() - began < 10
    if name == "pymssql":  # it gives the connection up after a time-out
        connection = connect(name, host, password)
    cursor = connection.cursor()
    found["after"] = rows("select 2")[0][0]
    print(json.dumps(found))


main(*sys.argv[1:])
