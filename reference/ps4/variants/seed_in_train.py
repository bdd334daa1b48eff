# Different: train() seeds numpy itself, and train_acc is measured on the epoch's last batch.
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
        W1, b1, W2, b2 = self.params['W1'], self.params['b1'], self.params['W2'], self.params['b2']
        N, D = X.shape

        f1 = X.dot(W1) + b1
        if self.activation == 'relu':
            out1 = f1.copy()
            out1[out1 < 0] = 0
        elif self.activation == 'sigmoid':
            out1 = np.reciprocal(1 + np.exp(-f1))
        scores = out1.dot(W2) + b2
        if y is None:
            return scores

        scores = scores - np.max(scores, axis=1)[:, np.newaxis]
        correct = scores[np.arange(N), y]
        loss = np.sum(-correct + np.log(np.sum(np.exp(scores), axis=1)))
        loss /= N
        loss += reg * 0.5 * (np.sum(W1 * W1) + np.sum(W2 * W2))

        dscores = np.exp(scores) / np.sum(np.exp(scores), axis=1)[:, np.newaxis]
        dscores[np.arange(N), y] += -1
        dscores /= N
        grads = {}
        grads['b2'] = np.ones(N).dot(dscores)
        grads['W2'] = out1.T.dot(dscores)
        grads['W2'] += reg * W2
        dout1 = dscores.dot(W2.T)
        if self.activation == 'relu':
            dout1[f1 <= 0] = 0
        elif self.activation == 'sigmoid':
            dout1 *= out1 * (1 - out1)
        grads['b1'] = np.ones(N).dot(dout1)
        grads['W1'] = X.T.dot(dout1)
        grads['W1'] += reg * W1
        return loss, grads

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        np.random.seed(1)
        num_train = X.shape[0]
        iterations_per_epoch = int(max(num_train / batch_size, 1))
        epoch_num = 0
        loss_history = []
        grad_magnitude_history = []
        train_acc_history = []
        val_acc_history = []

        for epoch in range(num_epochs):
            perm = np.random.permutation(num_train)
            for i in range(iterations_per_epoch):
                idx = perm[i * batch_size:(i + 1) * batch_size]
                X_batch = X[idx, :]
                y_batch = y[idx]
                loss, grads = self.loss(X_batch, y=y_batch, reg=reg)
                loss_history.append(loss)
                for param in self.params:
                    self.params[param] -= learning_rate * grads[param]
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))

            epoch_num += 1
            train_acc = (self.predict(X_batch) == y_batch).mean()
            val_acc = (self.predict(X_val) == y_val).mean()
            train_acc_history.append(train_acc)
            val_acc_history.append(val_acc)
            if verbose:
                print('Epoch %d: loss %f, train_acc %f, val_acc %f' % (epoch_num, loss, train_acc, val_acc))
            learning_rate *= learning_rate_decay

        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)
