# Different: parameters, inputs, loss and gradients are all kept in single precision.
import numpy as np

F = np.float32


class TwoLayerMLP:

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {}
        self.params['W1'] = (std * np.random.randn(input_size, hidden_size)).astype(F)
        self.params['b1'] = np.zeros(hidden_size, dtype=F)
        self.params['W2'] = (std * np.random.randn(hidden_size, output_size)).astype(F)
        self.params['b2'] = np.zeros(output_size, dtype=F)
        self.activation = activation

    def forward(self, X):
        p = {name: np.asarray(value, dtype=F) for name, value in self.params.items()}
        a = X.astype(F) @ p['W1'] + p['b1']
        if self.activation == 'sigmoid':
            # exp overflows at 88 in single precision
            h = F(1) / (F(1) + np.exp(-np.clip(a, -40, 40)))
        else:
            h = np.maximum(a, F(0))
        return p, h, h @ p['W2'] + p['b2']

    def loss(self, X, y=None, reg=0.0):
        p, h, scores = self.forward(X)
        if y is None:
            return scores
        n = len(y)
        reg = F(reg)

        top = scores.max(axis=1, keepdims=True)
        e = np.exp(scores - top)
        total = e.sum(axis=1, keepdims=True)
        per_sample = np.log(total[:, 0]) - (scores - top)[np.arange(n), y]
        penalty = F(0.5) * reg * ((p['W1'] ** 2).sum() + (p['W2'] ** 2).sum())
        loss = per_sample.mean() + penalty

        g = e / total
        g[np.arange(n), y] -= F(1)
        g /= F(n)
        grads = {'W2': h.T @ g + reg * p['W2'], 'b2': g.sum(axis=0)}
        g = g @ p['W2'].T
        if self.activation == 'sigmoid':
            g = g * (h * (F(1) - h))
        else:
            g = g * (h > 0)
        grads['W1'] = X.astype(F).T @ g + reg * p['W1']
        grads['b1'] = g.sum(axis=0)
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        n = X.shape[0]
        losses, magnitudes, train_accs, val_accs = [], [], [], []
        for epoch in range(num_epochs):
            order = np.random.permutation(n)
            for i in range(max(n // batch_size, 1)):
                pick = order[i * batch_size:(i + 1) * batch_size]
                loss, grads = self.loss(X[pick], y[pick], reg)
                losses.append(loss)
                magnitudes.append(np.linalg.norm(grads['W1']))
                for name, g in grads.items():
                    moved = self.params[name] - F(learning_rate) * g
                    self.params[name] = moved.astype(F)
            train_accs.append((self.predict(X) == y).mean())
            val_accs.append((self.predict(X_val) == y_val).mean())
            learning_rate *= learning_rate_decay
            if verbose:
                print(epoch, losses[-1], train_accs[-1], val_accs[-1])
        return {'loss_history': losses, 'grad_magnitude_history': magnitudes,
                'train_acc_history': train_accs, 'val_acc_history': val_accs}

    def predict(self, X):
        return self.forward(X)[2].argmax(axis=1)
