"""Windows: features, certificates, local accounts, group members, site bindings."""
