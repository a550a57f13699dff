"""System procedures by topic."""
