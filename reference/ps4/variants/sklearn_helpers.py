# Different: shuffles and measures accuracy with scikit-learn, and builds one-hot labels from max(y) + 1.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils import shuffle


def one_hot(y, classes):
    return np.eye(classes)[y]


class TwoLayerMLP(object):

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)
        self.activation = activation
        self.classes = 0

    def loss(self, X, y=None, reg=0.0):
        W1, b1, W2, b2 = [self.params[k] for k in ['W1', 'b1', 'W2', 'b2']]
        m = X.shape[0]

        Z1 = np.dot(X, W1) + b1
        A1 = 1 / (1 + np.exp(-Z1)) if self.activation == 'sigmoid' else np.maximum(0, Z1)
        Z2 = np.dot(A1, W2) + b2
        if y is None:
            return Z2

        # counts the classes by the highest label seen; a small batch may miss it
        self.classes = max(self.classes, np.max(y) + 1)
        Y = one_hot(y, self.classes)
        Z2 = Z2 - np.max(Z2, axis=1, keepdims=True)
        log_A2 = Z2 - np.log(np.sum(np.exp(Z2), axis=1, keepdims=True))
        loss = -1 / m * np.sum(Y * log_A2) + reg / 2 * (np.sum(np.square(W1)) + np.sum(np.square(W2)))

        dZ2 = np.exp(log_A2) - Y
        dA1 = np.dot(dZ2, W2.T)
        if self.activation == 'sigmoid':
            dZ1 = np.multiply(dA1, np.multiply(A1, 1 - A1))
        else:
            dZ1 = np.multiply(dA1, np.int64(A1 > 0))
        grads = {
            'W1': 1 / m * np.dot(X.T, dZ1) + reg * W1,
            'b1': 1 / m * np.sum(dZ1, axis=0),
            'W2': 1 / m * np.dot(A1.T, dZ2) + reg * W2,
            'b2': 1 / m * np.sum(dZ2, axis=0),
        }
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        m = X.shape[0]
        self.classes = np.max(y) + 1
        costs, norms, train_acc, val_acc = [], [], [], []
        for i in range(num_epochs):
            order = shuffle(np.arange(m))
            for k in range(max(m // batch_size, 1)):
                batch = order[k * batch_size:(k + 1) * batch_size]
                cost, grads = self.loss(X[batch], y[batch], reg)
                costs.append(cost)
                norms.append(np.linalg.norm(grads['W1']))
                for name in grads:
                    self.params[name] = self.params[name] - learning_rate * grads[name]
            train_acc.append(accuracy_score(y, self.predict(X)))
            val_acc.append(accuracy_score(y_val, self.predict(X_val)))
            learning_rate = learning_rate * learning_rate_decay
        return {'loss_history': costs, 'grad_magnitude_history': norms,
                'train_acc_history': train_acc, 'val_acc_history': val_acc}

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)


def plot_costs(stats):
    fig, axes = plt.subplots(2, 1)
    axes[0].plot(stats['loss_history'])
    axes[1].plot(stats['grad_magnitude_history'])
    return fig
