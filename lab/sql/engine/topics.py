"""Everything that registers itself with the engine: statements, views, functions and procedures by topic.

The registries do not know who registers. ``lab.sql.engine`` imports this module, so that a user of one part of the
engine has all of them.
"""
# ruff: noqa: F401

from __future__ import annotations

import lab.sql.engine.catalog.availability
import lab.sql.engine.catalog.backups
import lab.sql.engine.catalog.database_security
import lab.sql.engine.catalog.databases
import lab.sql.engine.catalog.dynamic
import lab.sql.engine.catalog.encryption
import lab.sql.engine.catalog.objects
import lab.sql.engine.catalog.replicas
import lab.sql.engine.catalog.server
import lab.sql.engine.functions.dates
import lab.sql.engine.functions.metadata
import lab.sql.engine.functions.numbers
import lab.sql.engine.functions.security
import lab.sql.engine.functions.server
import lab.sql.engine.functions.text
import lab.sql.engine.procedures.backup_history
import lab.sql.engine.procedures.files
import lab.sql.engine.procedures.jobs
import lab.sql.engine.procedures.properties
import lab.sql.engine.procedures.registry_values
import lab.sql.engine.procedures.sessions
import lab.sql.engine.procedures.windows
import lab.sql.engine.statements.authorization
import lab.sql.engine.statements.availability_create
import lab.sql.engine.statements.availability_group
import lab.sql.engine.statements.availability_replica
import lab.sql.engine.statements.backup_database
import lab.sql.engine.statements.change_rows
import lab.sql.engine.statements.control
import lab.sql.engine.statements.credential
import lab.sql.engine.statements.database
import lab.sql.engine.statements.database_options
import lab.sql.engine.statements.encryption
import lab.sql.engine.statements.endpoint
import lab.sql.engine.statements.errors
import lab.sql.engine.statements.execute
import lab.sql.engine.statements.grants
import lab.sql.engine.statements.index
import lab.sql.engine.statements.login
import lab.sql.engine.statements.login_drop
import lab.sql.engine.statements.module
import lab.sql.engine.statements.restore_database
import lab.sql.engine.statements.schema
import lab.sql.engine.statements.select
import lab.sql.engine.statements.server
import lab.sql.engine.statements.settings
import lab.sql.engine.statements.table
import lab.sql.engine.statements.table_change
import lab.sql.engine.statements.transactions
import lab.sql.engine.statements.user
