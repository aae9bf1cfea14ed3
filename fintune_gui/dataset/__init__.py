"""Rows: import, table, cleaning, format, split, snapshot. No Qt, no torch."""
