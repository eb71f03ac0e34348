"""
The job server on Twisted: connections, listening, draining, C{twistd gearman}.
"""
