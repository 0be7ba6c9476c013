"""The weekly lists: made from a plan, issued, compared with an earlier week, and written to files."""
