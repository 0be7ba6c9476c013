"""What commands print: consoles, tables, progress and charts."""
