# Different: the class is called TwoLayerNet, the name that the handout's text uses in places.
import numpy as np


class TwoLayerNet(object):

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.activation = activation
        self.params = {}
        for layer, (fan_in, fan_out) in enumerate(((input_size, hidden_size), (hidden_size, output_size)), 1):
            self.params['W%d' % layer] = std * np.random.randn(fan_in, fan_out)
            self.params['b%d' % layer] = np.zeros(fan_out)

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        a = X.dot(W1) + b1
        h = a.clip(min=0) if self.activation == 'relu' else 1 / (1 + np.exp(-a))
        scores = h.dot(W2) + b2
        if y is None:
            return scores

        N = len(X)
        spread = scores - scores.max(axis=1, keepdims=True)
        total = np.exp(spread).sum(axis=1)
        loss = np.average(np.log(total) - spread[np.arange(N), y])
        loss += reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2)) / 2

        # gradients of the sum first, divided by N once at the end
        ds = np.exp(spread) / total[:, np.newaxis]
        ds[np.arange(N), y] -= 1
        dh = ds.dot(W2.T)
        da = dh * (a > 0) if self.activation == 'relu' else dh * h * (1 - h)
        grads = {
            'W1': X.T.dot(da) / N,
            'b1': da.sum(axis=0) / N,
            'W2': h.T.dot(ds) / N,
            'b2': ds.sum(axis=0) / N,
        }
        grads['W1'] += reg * W1
        grads['W2'] += reg * W2
        return loss, grads

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        N = X.shape[0]
        iterations_per_epoch = max(N // batch_size, 1)
        loss_history, grad_magnitude_history, train_acc_history, val_acc_history = [], [], [], []
        for it in range(num_epochs * iterations_per_epoch):
            place = it % iterations_per_epoch
            if place == 0:
                order = np.random.permutation(N)
            batch = order[place * batch_size:(place + 1) * batch_size]
            loss, grads = self.loss(X[batch], y[batch], reg)
            loss_history.append(loss)
            grad_magnitude_history.append(np.sum(grads['W1'] ** 2) ** 0.5)
            for name in self.params:
                self.params[name] -= learning_rate * grads[name]
            if place == iterations_per_epoch - 1:
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
        return np.argmax(self.loss(X), axis=1)
