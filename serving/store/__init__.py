"""The score store in SQLite or PostgreSQL, through SQLAlchemy Core: runs, issued lists, keys, sessions, objections, the audit."""
