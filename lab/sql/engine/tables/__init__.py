"""Tables: temporary ones in memory, stored ones in databases, catalog views made on demand."""
