"""One module per feature family: known tables to one row per customer."""
