"""The database: tables, transactions, the read model, and look-ups. The same code on SQLite and PostgreSQL."""
