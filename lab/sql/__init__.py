"""SQL Server 2012 for the lab: instances, databases, logins, availability groups, T-SQL and TDS."""
