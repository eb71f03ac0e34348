"""
The tests of L{txgearman.server}: L{tests.server.pump} has what they play on.
"""
