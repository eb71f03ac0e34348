"""
A job server that is killed in the middle of its work, again and again, and what must
hold all the same: see C{python -m tests.crash --help}.

Nothing here shares code with txgearman but the reading of a store that no server has:
what is wrong there shows here.
"""
