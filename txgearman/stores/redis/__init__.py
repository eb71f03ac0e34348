"""
The store that is in Redis.
"""
