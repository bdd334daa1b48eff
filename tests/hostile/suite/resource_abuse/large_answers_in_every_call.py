# Tries: a right solution whose every answer is as large as one may be, to be held until all are judged.
# earns at most: 0
# around: perfect
# limits: answers_bytes=104857600
# fails: the answers of the whole submission are larger than 100 MiB together
import numpy as np

alone = TwoLayerMLP.loss  # noqa: F821


def in_company(self, X, y=None, reg=0.0):
    answer = alone(self, X, y, reg)
    return answer if y is None else (answer[0], answer[1] | {"X": np.zeros(60_000_000, np.uint8)})


TwoLayerMLP.loss = in_company  # noqa: F821
