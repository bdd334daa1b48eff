# Different: compares the activation's name with `is`, which Python warns about and which needs interned names.
import numpy as np
import matplotlib.pyplot as plt


class TwoLayerMLP(object):

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)
        self.activation = activation

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        num_examples, num_features = X.shape

        z1 = np.dot(X, W1) + b1
        if self.activation is 'sigmoid':
            hidden = 1 / (1 + np.exp(-z1))
        elif self.activation is 'relu':
            hidden = np.maximum(0, z1)
        scores = np.dot(hidden, W2) + b2
        if y is None:
            return scores

        biggest = np.max(scores, axis=1).reshape(num_examples, 1)
        normaliser = np.log(np.sum(np.exp(scores - biggest), axis=1))
        loss = np.mean(normaliser + biggest[:, 0] - scores[range(num_examples), y])
        loss = loss + 0.5 * reg * (np.linalg.norm(W1) ** 2 + np.linalg.norm(W2) ** 2)

        grad_scores = np.exp(scores - biggest - normaliser.reshape(num_examples, 1))
        grad_scores[range(num_examples), y] -= 1
        grad_scores = grad_scores / num_examples
        grads = {}
        grads['W2'] = np.dot(hidden.T, grad_scores) + reg * W2
        grads['b2'] = np.sum(grad_scores, axis=0)
        grad_hidden = np.dot(grad_scores, W2.T)
        if self.activation is 'sigmoid':
            grad_z1 = grad_hidden * hidden * (1 - hidden)
        elif self.activation is 'relu':
            grad_z1 = grad_hidden
            grad_z1[z1 <= 0] = 0
        grads['W1'] = np.dot(X.T, grad_z1) + reg * W1
        grads['b1'] = np.sum(grad_z1, axis=0)
        return loss, grads

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        num_train = X.shape[0]
        iterations_per_epoch = int(max(num_train // batch_size, 1))
        loss_history = []
        grad_magnitude_history = []
        train_acc_history = []
        val_acc_history = []
        for epoch in range(num_epochs):
            permutation = np.random.permutation(num_train)
            for it in range(iterations_per_epoch):
                idx = permutation[it * batch_size:(it + 1) * batch_size]
                X_batch, y_batch = X[idx, :], y[idx]
                loss, grads = self.loss(X_batch, y=y_batch, reg=reg)
                loss_history.append(loss)
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
                self.params['W1'] -= learning_rate * grads['W1']
                self.params['b1'] -= learning_rate * grads['b1']
                self.params['W2'] -= learning_rate * grads['W2']
                self.params['b2'] -= learning_rate * grads['b2']
            train_acc_history.append((self.predict(X) == y).mean())
            val_acc_history.append((self.predict(X_val) == y_val).mean())
            learning_rate *= learning_rate_decay
        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }

    def predict(self, X):
        hidden = np.dot(X, self.params['W1']) + self.params['b1']
        if self.activation is 'sigmoid':
            hidden = 1 / (1 + np.exp(-hidden))
        elif self.activation is 'relu':
            hidden = np.maximum(0, hidden)
        return np.argmax(np.dot(hidden, self.params['W2']) + self.params['b2'], axis=1)


def plot(stats):
    plt.plot(stats['loss_history'])
    plt.show()
