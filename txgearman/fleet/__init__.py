"""
Fleets: worker processes that are kept alive.

A I{fleet} is what one C{twistd gearman-worker} keeps: I{groups} of I{children}, kept by
the I{master}, which does no job itself.
"""
