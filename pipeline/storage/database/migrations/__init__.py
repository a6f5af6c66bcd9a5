"""How the tables came about, one step a file; alembic runs them in order. A step that was released never changes."""
