"""Columns and values that callers and the store rely on."""
