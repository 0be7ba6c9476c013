"""The checks as pages and as documentation."""
