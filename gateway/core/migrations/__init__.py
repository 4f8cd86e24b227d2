"""Schema migrations, run by Alembic on both databases; each version is a module in versions/."""
