"""One module per feature family: from tables of what was known to one row per customer."""
