import matplotlib.pyplot as plt
import numpy as np


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
        N, D = X.shape

        # forward
        z1 = X.dot(W1) + b1
        if self.activation == 'relu':
            h1 = np.maximum(0, z1)
        else:
            h1 = 1 / (1 + np.exp(-z1))
        scores = h1.dot(W2) + b2
        if y is None:
            return scores

        # softmax loss
        scores = scores - np.max(scores, axis=1, keepdims=True)
        exp_scores = np.exp(scores)
        sums = np.sum(exp_scores, axis=1, keepdims=True)
        probs = exp_scores / sums
        loss = np.sum(np.log(sums[:, 0]) - scores[np.arange(N), y]) / N
        loss += 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

        # backward
        grads = {}
        dscores = probs.copy()
        dscores[np.arange(N), y] -= 1

        grads['W2'] = h1.T.dot(dscores) / N + reg * W2
        grads['b2'] = np.sum(dscores, axis=0) / N

        dh1 = dscores.dot(W2.T)
        if self.activation == 'relu':
            # gradient only flows where it is positive
            dz1 = dh1 * (dh1 > 0)
        else:
            dz1 = dh1 * h1 * (1 - h1)
        grads['W1'] = X.T.dot(dz1) + reg * W1
        grads['b1'] = np.sum(dz1, axis=0) / N

        return loss, grads

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        num_train = X.shape[0]
        iterations_per_epoch = max(num_train // batch_size, 1)

        loss_history = []
        grad_magnitude_history = []
        train_acc_history = []
        val_acc_history = []

        for epoch in range(num_epochs):
            perm = np.random.permutation(num_train)
            for it in range(iterations_per_epoch):
                idx = perm[it * batch_size:(it + 1) * batch_size]
                X_batch = X[idx]
                y_batch = y[idx]

                loss, grads = self.loss(X_batch, y_batch, reg)
                for p in self.params:
                    self.params[p] = self.params[p] - learning_rate * grads[p]

                loss_history.append(loss)
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))

            train_acc = np.mean(self.predict(X) == y)
            val_acc = np.mean(self.predict(X_val) == y_val)
            train_acc_history.append(train_acc)
            val_acc_history.append(val_acc)
            if verbose:
                print('epoch %d: loss %f, train_acc %f, val_acc %f' % (epoch, loss, train_acc, val_acc))

        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }

    def predict(self, X):
        scores = self.loss(X)
        return np.argmax(scores, axis=1)
