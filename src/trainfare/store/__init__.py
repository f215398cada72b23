"""The only room that knows the database: schema, writes, queries, lake layout."""
