"""T-SQL text to statements. Grammar: the SQL Server 2012 reference; what is not in it is a syntax error."""
