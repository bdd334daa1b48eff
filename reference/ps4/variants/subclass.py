# Different: TwoLayerMLP is a thin subclass of a general network made of layer objects.
import numpy as np


class Layer:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, upstream):
        raise NotImplementedError


class Affine(Layer):
    def __init__(self, params, weight, bias):
        self.params = params
        self.weight = weight
        self.bias = bias
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params[self.weight] + self.params[self.bias]

    def backward(self, upstream):
        self.grads = {self.weight: self.x.T @ upstream, self.bias: upstream.sum(axis=0)}
        return upstream @ self.params[self.weight].T


class Sigmoid(Layer):
    def forward(self, x):
        self.out = 1.0 / (1.0 + np.exp(-x))
        return self.out

    def backward(self, upstream):
        return upstream * self.out * (1.0 - self.out)


class ReLU(Layer):
    def forward(self, x):
        self.on = x > 0
        return np.where(self.on, x, 0)

    def backward(self, upstream):
        return np.where(self.on, upstream, 0)


class Network:
    """A stack of layers under a softmax cross-entropy loss."""

    layers = ()

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, upstream):
        grads = {}
        for layer in reversed(self.layers):
            upstream = layer.backward(upstream)
            grads.update(getattr(layer, 'grads', {}))
        return grads

    def loss(self, X, y=None, reg=0.0):
        scores = self.forward(X)
        if y is None:
            return scores
        value, upstream = self.cross_entropy(scores, y)
        grads = self.backward(upstream)
        for name, param in self.params.items():
            if name.startswith('W'):
                value += 0.5 * reg * np.sum(param ** 2)
                grads[name] = grads[name] + reg * param
        return value, grads

    @staticmethod
    def cross_entropy(scores, y):
        n = scores.shape[0]
        scores = scores - scores.max(axis=1).reshape(-1, 1)
        exps = np.exp(scores)
        sums = exps.sum(axis=1)
        value = np.sum(np.log(sums) - scores[range(n), y]) / n
        upstream = exps / sums[:, None]
        upstream[range(n), y] -= 1
        return value, upstream / n

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        n = X.shape[0]
        history = {'loss_history': [], 'grad_magnitude_history': [],
                   'train_acc_history': [], 'val_acc_history': []}
        for _ in range(num_epochs):
            for rows in self.batches(n, batch_size):
                loss, grads = self.loss(X[rows], y[rows], reg)
                self.step(grads, learning_rate)
                history['loss_history'].append(loss)
                history['grad_magnitude_history'].append(np.linalg.norm(grads['W1']))
            history['train_acc_history'].append(self.accuracy(X, y))
            history['val_acc_history'].append(self.accuracy(X_val, y_val))
            learning_rate *= learning_rate_decay
        return history

    @staticmethod
    def batches(n, batch_size):
        order = np.random.permutation(n)
        for k in range(max(n // batch_size, 1)):
            yield order[k * batch_size:(k + 1) * batch_size]

    def step(self, grads, learning_rate):
        for name in grads:
            self.params[name] -= learning_rate * grads[name]

    def accuracy(self, X, y):
        return np.mean(self.predict(X) == y)

    def predict(self, X):
        return self.forward(X).argmax(axis=1)


class TwoLayerMLP(Network):
    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {
            'W1': std * np.random.randn(input_size, hidden_size),
            'b1': np.zeros(hidden_size),
            'W2': std * np.random.randn(hidden_size, output_size),
            'b2': np.zeros(output_size),
        }
        self.activation = activation
        hidden = {'sigmoid': Sigmoid, 'relu': ReLU}[activation]
        self.layers = [
            Affine(self.params, 'W1', 'b1'),
            hidden(),
            Affine(self.params, 'W2', 'b2'),
        ]
