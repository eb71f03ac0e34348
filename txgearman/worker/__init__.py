"""
Workers: those who do jobs.
"""
