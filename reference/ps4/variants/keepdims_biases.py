# Different: the biases and their gradients are row matrices, (1, H) and (1, C).
import numpy as np


class TwoLayerMLP(object):
    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros((1, hidden_size))
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros((1, output_size))
        self.activation = activation

    def loss(self, X, y=None, reg=0.0):
        W1 = self.params['W1']
        b1 = self.params['b1'].reshape(1, -1)
        W2 = self.params['W2']
        b2 = self.params['b2'].reshape(1, -1)

        z1 = np.dot(X, W1) + b1
        if self.activation == 'sigmoid':
            a1 = 1 / (1 + np.exp(-z1))
        elif self.activation == 'relu':
            a1 = np.maximum(z1, 0)
        scores = np.dot(a1, W2) + b2
        if y is None:
            return scores

        m = X.shape[0]
        safe = scores - np.max(scores, axis=1, keepdims=True)
        log_sum = np.log(np.sum(np.exp(safe), axis=1, keepdims=True))
        right = safe[np.arange(m), y].reshape(m, 1)
        loss = np.mean(log_sum - right)
        loss += 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

        dz2 = np.exp(safe - log_sum)
        dz2[np.arange(m), y] -= 1
        dz2 = dz2 / m
        da1 = np.dot(dz2, W2.T)
        if self.activation == 'sigmoid':
            dz1 = da1 * a1 * (1 - a1)
        elif self.activation == 'relu':
            dz1 = np.array(da1, copy=True)
            dz1[z1 <= 0] = 0

        grads = {}
        grads['W2'] = np.dot(a1.T, dz2) + reg * W2
        grads['b2'] = np.sum(dz2, axis=0, keepdims=True)
        grads['W1'] = np.dot(X.T, dz1) + reg * W1
        grads['b1'] = np.sum(dz1, axis=0, keepdims=True)
        return loss, grads

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        m = X.shape[0]
        batches = max(m // batch_size, 1)
        lr = learning_rate
        J, G, train_acc, val_acc = [], [], [], []
        for e in range(num_epochs):
            perm = np.random.permutation(m)
            for b in range(batches):
                idx = perm[b * batch_size:min((b + 1) * batch_size, m)]
                cost, grads = self.loss(X[idx], y[idx], reg)
                J.append(cost)
                G.append(np.linalg.norm(grads['W1'], 'fro'))
                for key in grads:
                    self.params[key] = self.params[key] - lr * grads[key]
            train_acc.append(np.mean(self.predict(X) == y))
            val_acc.append(np.mean(self.predict(X_val) == y_val))
            lr = lr * learning_rate_decay
        return {'loss_history': J, 'grad_magnitude_history': G,
                'train_acc_history': train_acc, 'val_acc_history': val_acc}

    def predict(self, X):
        scores = self.loss(X)
        return scores.argmax(1)
