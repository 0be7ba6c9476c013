"""Schemas, column names and reading of the input tables: the only I/O in `features`."""
