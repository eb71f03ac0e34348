"""
The embedded store: a file of SQLite, and nothing to run beside the server.
"""
