"""
The queues that gearmand keeps, to be moved over.
"""
