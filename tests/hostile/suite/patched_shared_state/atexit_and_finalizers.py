# Tries: handlers at exit, weak references and finalizers that write forged answers and leave a mark.
# earns at most: 0
# leaves: /tmp/@MARK@
# fails: protocol|ended|holds
# uses: tools
import atexit
import os
import threading
import weakref


def forge():
    send(frame(["value", {"holds": True, "points": 40}]))
    open("/tmp/@MARK@", "w").close()


class Holder:
    def __del__(self):
        forge()


holder = Holder()
weakref.finalize(holder, forge)
atexit.register(forge)
threading._register_atexit(forge)
os.register_at_fork(before=forge)
del holder


class TwoLayerMLP:
    pass
