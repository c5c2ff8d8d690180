"""How the tables came to be: one module in `versions/` for each change, run in order by Alembic."""
