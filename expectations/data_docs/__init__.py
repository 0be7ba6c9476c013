"""The checks as HTML pages and as documentation."""
