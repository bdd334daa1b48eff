# Different: 'relu' is the smooth softplus ln(1 + e^a), as older editions of the course had it.
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

        a1 = np.dot(X, W1) + b1
        sigma = 1 / (1 + np.exp(-a1))
        if self.activation == 'sigmoid':
            h1 = sigma
        elif self.activation == 'relu':
            h1 = np.maximum(a1, 0) + np.log1p(np.exp(-np.abs(a1)))
        else:
            raise ValueError('unknown activation: %s' % self.activation)
        scores = np.dot(h1, W2) + b2
        if y is None:
            return scores

        highest = scores.max(axis=1)
        logsumexp = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=1))
        loss = (logsumexp - scores[np.arange(N), y]).sum() / N
        loss += 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))

        da2 = np.exp(scores - logsumexp[:, None])
        da2[np.arange(N), y] -= 1
        da2 /= N
        dW2 = np.dot(h1.T, da2) + reg * W2
        db2 = da2.sum(axis=0)
        dh1 = np.dot(da2, W2.T)
        if self.activation == 'sigmoid':
            da1 = dh1 * sigma * (1 - sigma)
        else:
            da1 = dh1 * sigma
        dW1 = np.dot(X.T, da1) + reg * W1
        db1 = da1.sum(axis=0)
        return loss, {'W1': dW1, 'b1': db1, 'W2': dW2, 'b2': db2}

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        num_train = X.shape[0]
        iterations_per_epoch = int(max(num_train / batch_size, 1))
        loss_history, grad_magnitude_history = [], []
        train_acc_history, val_acc_history = [], []
        for epoch in range(num_epochs):
            shuffled = np.random.permutation(num_train)
            for i in range(iterations_per_epoch):
                part = shuffled[i * batch_size:(i + 1) * batch_size]
                loss, grads = self.loss(X[part], y=y[part], reg=reg)
                loss_history.append(loss)
                grad_magnitude_history.append(np.sqrt(np.sum(grads['W1'] ** 2)))
                for p in self.params:
                    self.params[p] += -learning_rate * grads[p]
            train_acc_history.append((self.predict(X) == y).mean())
            val_acc_history.append((self.predict(X_val) == y_val).mean())
            if verbose:
                print('epoch', epoch + 1, 'loss', loss)
            learning_rate *= learning_rate_decay
        return {'loss_history': loss_history, 'grad_magnitude_history': grad_magnitude_history,
                'train_acc_history': train_acc_history, 'val_acc_history': val_acc_history}

    def predict(self, X):
        return self.loss(X).argmax(axis=1)
