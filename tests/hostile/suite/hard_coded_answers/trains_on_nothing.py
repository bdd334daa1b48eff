# Tries: a training that replaces loss by constants, around a right net.
# earns at most: 30, all but the first step, batches and ReLU's training
# around: perfect
_train = TwoLayerMLP.train


def _idly(self, *data, **options):
    self.loss = lambda X, y=None, reg=0.0: (1.0, {name: np.ones_like(value) for name, value in self.params.items()})
    return _train(self, *data, **options)


TwoLayerMLP.train = _idly
