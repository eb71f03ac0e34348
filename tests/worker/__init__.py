"""
The tests of L{txgearman.worker}: L{tests.worker.stage} has what they play on.
"""
