# Different: dataclasses and properties, type hints, comprehensions, the walrus; no statement is wasted.
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Activation(NamedTuple):
    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]


ACTIVATIONS = {
    'sigmoid': Activation(lambda z: 1 / (1 + np.exp(-z)), lambda z, h: h - h * h),
    'relu': Activation(lambda z: z.clip(0), lambda z, h: (z > 0) * 1.0),
}


@dataclass
class TwoLayerMLP:
    input_size: int
    hidden_size: int
    output_size: int
    std: float = 1e-1
    activation: str = 'sigmoid'
    params: dict[str, Array] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sizes = self.input_size, self.hidden_size, self.output_size
        weights = [self.std * np.random.randn(*shape) for shape in zip(sizes, sizes[1:])]
        biases = [np.zeros(size) for size in sizes[1:]]
        names = [(f'W{k}', f'b{k}') for k in (1, 2)]
        self.params = {name: value
                       for pair, values in zip(names, zip(weights, biases))
                       for name, value in zip(pair, values)}

    @property
    def W1(self) -> Array:
        return self.params['W1']

    @property
    def W2(self) -> Array:
        return self.params['W2']

    @property
    def squares(self) -> float:
        return sum(float(np.sum(w ** 2)) for w in (self.W1, self.W2))

    def forward(self, X: Array) -> tuple[Array, Array, Array]:
        z = X @ self.W1 + self.params['b1']
        h = ACTIVATIONS[self.activation].value(z)
        return z, h, h @ self.W2 + self.params['b2']

    def loss(self, X: Array, y: NDArray[np.int64] | None = None, reg: float = 0.0):
        z, h, scores = self.forward(X)
        if y is None:
            return scores
        log_probs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        nll = [-row[label] for row, label in zip(log_probs, y)]
        onehot = np.arange(scores.shape[1]) == y[:, None]

        delta2 = (np.exp(log_probs) - onehot) / (n := len(y))
        delta1 = delta2 @ self.W2.T * ACTIVATIONS[self.activation].slope(z, h)
        layers = {'1': (X, delta1), '2': (h, delta2)}
        grads = {f'W{k}': below.T @ delta + reg * self.params[f'W{k}'] for k, (below, delta) in layers.items()}
        grads |= {f'b{k}': delta.sum(axis=0) for k, (_, delta) in layers.items()}
        return sum(nll) / n + 0.5 * reg * self.squares, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False) -> dict[str, list[float]]:
        history: dict[str, list[float]] = {
            f'{name}_history': [] for name in ('loss', 'grad_magnitude', 'train_acc', 'val_acc')}
        rates = [learning_rate * learning_rate_decay ** epoch for epoch in range(num_epochs)]
        for rate in rates:
            for rows in self.batches(len(X), batch_size):
                loss, grads = self.loss(X[rows], y[rows], reg)
                self.params = {name: value - rate * grads[name] for name, value in self.params.items()}
                history['loss_history'].append(float(loss))
                history['grad_magnitude_history'].append(float(np.linalg.norm(grads['W1'])))
            history['train_acc_history'].append(float(np.mean(self.predict(X) == y)))
            history['val_acc_history'].append(float(np.mean(self.predict(X_val) == y_val)))
            if verbose:
                print({name: values[-1] for name, values in history.items()})
        return history

    @staticmethod
    def batches(n: int, batch_size: int):
        count = max(n // batch_size, 1)
        order = np.random.permutation(n)
        return [order[k * batch_size:(k + 1) * batch_size] for k in range(count)]

    def predict(self, X: Array) -> NDArray[np.int64]:
        return np.argmax(self.forward(X)[-1], axis=1)
