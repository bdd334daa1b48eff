# Different: the backward pass walks over the samples one by one in a Python loop.
import numpy as np


class TwoLayerMLP(object):

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.activation = activation
        self.params = {
            'W1': std * np.random.randn(input_size, hidden_size),
            'b1': np.zeros(hidden_size),
            'W2': std * np.random.randn(hidden_size, output_size),
            'b2': np.zeros(output_size),
        }

    def hidden(self, a):
        if self.activation == 'sigmoid':
            return 1 / (1 + np.exp(-a))
        return np.where(a > 0, a, 0.0)

    def loss(self, X, y=None, reg=0.0):
        W1, b1, W2, b2 = (self.params[k] for k in ('W1', 'b1', 'W2', 'b2'))
        H = self.hidden(X.dot(W1) + b1)
        scores = H.dot(W2) + b2
        if y is None:
            return scores

        N, D = X.shape
        dW1 = np.zeros((D, W1.shape[1]))
        db1 = np.zeros(b1.shape)
        dW2 = np.zeros(W2.shape)
        db2 = np.zeros(b2.shape)
        total = 0.0
        for i in range(N):
            s = scores[i]
            e = np.exp(s - s.max())
            norm = e.sum()
            total += np.log(norm) - (s[y[i]] - s.max())

            delta = e / norm
            delta[y[i]] -= 1
            db2 += delta
            dW2 += H[i][:, None] * delta

            back = W2.dot(delta)
            if self.activation == 'sigmoid':
                back = back * H[i] * (1 - H[i])
            else:
                back[H[i] <= 0] = 0
            db1 += back
            dW1 += X[i][:, None] * back

        loss = total / N + reg / 2 * (np.square(W1).sum() + np.square(W2).sum())
        grads = {
            'W1': dW1 / N + reg * W1,
            'b1': db1 / N,
            'W2': dW2 / N + reg * W2,
            'b2': db2 / N,
        }
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        N = X.shape[0]
        history = {'loss_history': [], 'grad_magnitude_history': [],
                   'train_acc_history': [], 'val_acc_history': []}
        for epoch in range(num_epochs):
            shuffled = np.random.permutation(N)
            for start in range(0, max(N - N % batch_size, 1), batch_size):
                chosen = shuffled[start:start + batch_size]
                loss, grads = self.loss(X[chosen], y[chosen], reg)
                for k in self.params:
                    self.params[k] = self.params[k] - learning_rate * grads[k]
                history['loss_history'].append(loss)
                history['grad_magnitude_history'].append(np.sqrt((grads['W1'] ** 2).sum()))
            history['train_acc_history'].append((self.predict(X) == y).mean())
            history['val_acc_history'].append((self.predict(X_val) == y_val).mean())
            learning_rate *= learning_rate_decay
        return history

    def predict(self, X):
        scores = self.loss(X)
        labels = np.zeros(len(scores), dtype=int)
        for i in range(len(scores)):
            labels[i] = scores[i].argmax()
        return labels
