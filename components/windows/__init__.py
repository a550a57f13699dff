"""Windows: features, certificates, local accounts, group members, firewall rules, claims."""
