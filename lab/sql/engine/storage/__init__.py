"""Where the engine keeps what it knows: documents of the server, files of databases, transactions over both."""
