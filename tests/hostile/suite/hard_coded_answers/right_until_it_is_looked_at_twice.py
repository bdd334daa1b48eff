# Tries: right answers for the first calls of every process, nonsense afterwards.
# earns at most: 20
# around: perfect
_right, _calls = TwoLayerMLP.loss, []


def _tiring(self, X, y=None, reg=0.0):
    _calls.append(1)
    answer = _right(self, X, y, reg)
    if len(_calls) < 12 or y is None:
        return answer
    return 0.0, {name: np.zeros_like(value) for name, value in answer[1].items()}


TwoLayerMLP.loss = _tiring
