"""Catalog views and dynamic management views of SQL Server 2012, made from the state when a query names them."""
