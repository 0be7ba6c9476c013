"""The Alembic environment: it runs the migrations on the connection it is given, within that connection's transaction."""

from alembic import context

from serving.store.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
