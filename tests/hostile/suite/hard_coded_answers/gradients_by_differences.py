# Tries: gradients of the right loss by central differences, without a backward pass.
# earns at most: 18, it knows the loss; how exact its gradients are decides
# only: q2.2
# around: perfect
# limits: call_cpu_seconds=3 wall=20
_right = TwoLayerMLP.loss


def _differencing(self, X, y=None, reg=0.0, h=1e-5):
    answer = _right(self, X, y, reg)
    if y is None or sum(v.size for v in self.params.values()) > 500:
        return answer if y is None else (answer[0], {k: v * 0 for k, v in answer[1].items()})
    grads = {}
    for name, value in self.params.items():
        grads[name] = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            old = value[place]
            value[place] = old + h
            up = _right(self, X, y, reg)[0]
            value[place] = old - h
            grads[name][place] = (up - _right(self, X, y, reg)[0]) / (2 * h)
            value[place] = old
    return answer[0], grads


TwoLayerMLP.loss = _differencing
