"""The weekly lists: planned, issued, compared with the week before, written to files."""
