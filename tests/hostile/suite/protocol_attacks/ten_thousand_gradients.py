# Tries: a right solution whose gradients come with ten thousand others in every call.
# earns at most: 34
# around: perfect
import numpy as np

alone = TwoLayerMLP.loss  # noqa: F821


def in_company(self, X, y=None, reg=0.0):
    answer = alone(self, X, y, reg)
    return answer if y is None else (answer[0], answer[1] | {str(i): np.zeros(1) for i in range(10_000)})


TwoLayerMLP.loss = in_company  # noqa: F821
