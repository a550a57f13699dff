"""Backups: media files, sets in them, the history in msdb."""
