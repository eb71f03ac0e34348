"""
The tests of L{txgearman.board}: L{tests.board.stage} has what they play on.
"""
