"""
Connections to job servers, for clients and workers alike: where the servers
are, and one connection to each that comes back when it is lost.
"""
