"""
The stores that are in a database: PostgreSQL, MySQL, MariaDB.
"""
