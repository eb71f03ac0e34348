"""
Clients: those who submit jobs.
"""
