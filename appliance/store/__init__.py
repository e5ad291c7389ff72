"""All SQL: one model file, its migrations, and one repository a noun. SQLite by default, PostgreSQL by one setting."""
