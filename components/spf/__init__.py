"""Service Provider Foundation: its registration with the portal."""
