# Tries: a trace whose values have seventy axes, while W1's gradient is wrong and its line is looked for.
# earns at most: 7
# around: perfect
# only: q2.2
# uses: tools
# fails: W1
import sys
import time

right_loss = TwoLayerMLP.loss  # noqa: F821


def loss(self, X, y=None, reg=0.0):
    answer = right_loss(self, X, y, reg)
    if y is not None:
        answer[1]["W1"] *= 3
    if sys.gettrace() is not None:
        number = _msgpack.ExtType(1, _msgpack.packb(["<f8", [1] * 70]))
        one = _msgpack.ExtType(1, _msgpack.packb(["<i8", [1]]))
        none = _msgpack.ExtType(1, _msgpack.packb(["<i8", [0]]))
        facts = {"rows": one, "starts": none, "ends": none, "values": [{"event": 0, "numbers": number}]}
        facts |= {"calls": [], "outputs": {"[1]['W1']": one}, "is_whole": True, "results": {"[1]['W1']": number}}
        send(frame(["value", facts], bytes(32)))
        time.sleep(0.2)
    return answer


TwoLayerMLP.loss = loss  # noqa: F821
