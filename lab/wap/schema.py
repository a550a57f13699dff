"""The T-SQL with which the configuration makes the product's databases, schemas, tables, logins and users.

Only ``[Config].[Settings](Namespace, Name, Value)``, ``[Config].[Version]``, ``mp.ResourceProviders``, ``mp.Plans`` and
``mp.Users`` are known by name; the other tables, all columns beyond those and the roles are the lab's own.
Everything is written so that it may run again: only what is missing is made.
"""

from __future__ import annotations

SQL_SCHEMA = {
    "MySQL": "MySql",
    "SQLServer": "SqlServer",
    "Usage": "Usage",
    "WebAppGallery": "WebAppGallery",
    "Notification": "Notification",
    "Management": "mp",
    "Config": "Config",
    "PortalAspNet": "dbo",
    "PortalNotification": "PortalNotification",
}
"""The name inside the database of each schema of the product."""

_SETTINGS = """CREATE TABLE [Config].[Settings] (
    [Namespace] nvarchar(128) NOT NULL, [Name] nvarchar(256) NOT NULL, [Value] nvarchar(max) NULL,
    PRIMARY KEY ([Namespace], [Name]))"""

TABLES: dict[str, dict[str, str]] = {
    "Config": {
        "Config.Settings": _SETTINGS,
        "Config.Version": "CREATE TABLE [Config].[Version] ([Version] nvarchar(32) NOT NULL)",
        "Config.Passphrase": "CREATE TABLE [Config].[Passphrase] ([Proof] nvarchar(512) NOT NULL)",
    },
    "Management": {
        "mp.ResourceProviders": """CREATE TABLE [mp].[ResourceProviders] (
    [Name] nvarchar(64) NOT NULL, [InstanceId] nvarchar(36) NOT NULL, [DisplayName] nvarchar(128) NOT NULL,
    [InstanceDisplayName] nvarchar(128) NULL, [Type] int NOT NULL, [Enabled] bit NOT NULL,
    [Configuration] nvarchar(max) NOT NULL, PRIMARY KEY ([Name], [InstanceId]))""",
        "mp.Plans": """CREATE TABLE [mp].[Plans] (
    [PlanId] nvarchar(64) NOT NULL PRIMARY KEY, [DisplayName] nvarchar(128) NOT NULL UNIQUE, [State] int NOT NULL,
    [QuotaSyncState] int NOT NULL, [MaxSubscriptionsPerAccount] int NOT NULL, [InvitationCode] nvarchar(128) NULL,
    [Price] nvarchar(128) NULL)""",
        "mp.PlanServices": """CREATE TABLE [mp].[PlanServices] (
    [PlanId] nvarchar(64) NOT NULL, [ServiceName] nvarchar(64) NOT NULL, [InstanceId] nvarchar(36) NOT NULL,
    [ConfigState] int NOT NULL, [Settings] nvarchar(max) NULL, PRIMARY KEY ([PlanId], [ServiceName], [InstanceId]))""",
        "mp.Users": """CREATE TABLE [mp].[Users] (
    [Name] nvarchar(128) NOT NULL PRIMARY KEY, [Email] nvarchar(256) NULL, [State] int NOT NULL,
    [CreatedDate] nvarchar(33) NOT NULL)""",
        "mp.AuthorizedAdminUsers": """CREATE TABLE [mp].[AuthorizedAdminUsers] (
    [Principal] nvarchar(256) NOT NULL PRIMARY KEY)""",
    },
    "MySQL": {
        "MySql.HostingServers": "CREATE TABLE [MySql].[HostingServers] ([Id] nvarchar(36), [Name] nvarchar(128))"
    },
    "SQLServer": {
        "SqlServer.HostingServers": (
            "CREATE TABLE [SqlServer].[HostingServers] ([Id] nvarchar(36), [Name] nvarchar(128))"
        )
    },
    "Usage": {"Usage.Records": "CREATE TABLE [Usage].[Records] ([Id] int, [Data] nvarchar(max))"},
    "WebAppGallery": {
        "WebAppGallery.Packages": "CREATE TABLE [WebAppGallery].[Packages] ([Id] int, [Title] nvarchar(256))"
    },
    "Notification": {
        "Notification.Subscribers": (
            "CREATE TABLE [Notification].[Subscribers] ([Name] nvarchar(128), [Endpoint] nvarchar(512))"
        )
    },
    "PortalAspNet": {
        "dbo.aspnet_Users": "CREATE TABLE [dbo].[aspnet_Users] ([UserId] nvarchar(36), [UserName] nvarchar(256))"
    },
    "PortalNotification": {
        "PortalNotification.Messages": ("CREATE TABLE [PortalNotification].[Messages] ([Id] int, [Text] nvarchar(max))")
    },
}
"""Product schema → table → how it is made."""

VERSION = "3.12.8198.0"
"""What ``[Config].[Version]`` says: a number in the form of WAP v1's builds; which build the lab stands for is open."""


def quoted(name: str) -> str:
    """An identifier in brackets."""
    return "[" + name.replace("]", "]]") + "]"


def literal(text: str) -> str:
    """A Unicode string constant."""
    return "N'" + text.replace("'", "''") + "'"


def role_of(schema: str) -> str:
    """The database role that may work with a schema's tables."""
    return f"MgmtSvc_{schema}_User"


def create_schema(schema: str) -> list[str]:
    """Batches that make a product schema with its tables and its role in the current database."""
    name = SQL_SCHEMA[schema]
    batches = []
    if name != "dbo":
        batches.append(
            f"IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = {literal(name)})"  # noqa: S608 - a name from above
            f" EXEC({literal('CREATE SCHEMA ' + quoted(name))})"
        )
    for table, text in TABLES[schema].items():
        batches.append(f"IF OBJECT_ID({literal(table)}) IS NULL EXEC({literal(text)})")
    role = role_of(schema)
    batches.append(f"IF DATABASE_PRINCIPAL_ID({literal(role)}) IS NULL EXEC({literal('CREATE ROLE ' + quoted(role))})")
    batches.append(f"GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON SCHEMA::{quoted(name)} TO {quoted(role)}")
    if schema == "Config":
        batches.append(
            "IF NOT EXISTS (SELECT 1 FROM [Config].[Version])"  # noqa: S608 - a constant
            f" INSERT INTO [Config].[Version] ([Version]) VALUES ({literal(VERSION)})"
        )
    return batches
