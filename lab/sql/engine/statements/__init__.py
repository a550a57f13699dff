"""Statements by topic: each module parses its statements and does them."""
