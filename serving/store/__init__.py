"""The store: runs of scores, issued lists, keys, objections and the audit, in SQLite or PostgreSQL through SQLAlchemy Core."""
