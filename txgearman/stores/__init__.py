"""
Where jobs outlive the process: one interface, L{IJobStore
<txgearman.stores.interface.IJobStore>}, and what is behind it.

Strangers may write one more; L{txgearman.testing.stores} is what it has to pass.
"""
