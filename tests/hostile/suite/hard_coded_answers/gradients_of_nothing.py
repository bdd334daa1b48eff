# Tries: a right loss and zeros for gradients, of the right shapes.
# earns at most: 14, the forward pass is right and so is predict
# around: perfect
_right = TwoLayerMLP.loss


def _half(self, X, y=None, reg=0.0):
    answer = _right(self, X, y, reg)
    return answer if y is None else (answer[0], {name: np.zeros_like(value) for name, value in answer[1].items()})


TwoLayerMLP.loss = _half
