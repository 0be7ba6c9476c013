"""Output of the commands: consoles, tables, progress and charts."""
