"""
Every decision of a job server, and nothing else.

No transport, file, thread or reactor is known here. Connections tell the
L{JobBoard<txgearman.board.board.JobBoard>} what peers ask for and are told what
peers are owed; time comes in as a clock.
"""
