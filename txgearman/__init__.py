"""
A Gearman job server, client and worker on Twisted.
"""

__version__ = "26.11.0.dev0"
