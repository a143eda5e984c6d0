"""`dragoman export`: what was said in sessions, copied into PostgreSQL, for those who want SQL."""
