# Tries: a thread left behind that changes the parameters after they have been handed over.
# earns at most: 34, it is a right solution whose author hurts nobody else
# around: perfect
import threading
import time

_make = TwoLayerMLP.__init__


def _watched(self, *args, **options):
    _make(self, *args, **options)

    def change():
        while True:
            time.sleep(0.001)
            self.params["b2"][:] += 1e-3

    threading.Thread(target=change, daemon=True).start()


TwoLayerMLP.__init__ = _watched
