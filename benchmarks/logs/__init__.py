"""All logs: what would have been served, every candidate and the peers, on the same customers."""
