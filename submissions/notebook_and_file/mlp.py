import matplotlib.pyplot as plt
import numpy as np


class TwoLayerMLP(object):
    """
    Two-layer network: affine - sigmoid/ReLU - affine - softmax.
    Everything is computed on mini-batches, one example per row.
    """

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {
            'W1': std * np.random.randn(input_size, hidden_size),
            'b1': np.zeros(hidden_size),
            'W2': std * np.random.randn(hidden_size, output_size),
            'b2': np.zeros(output_size),
        }
        self.activation = activation

    def affine(self, X, layer):
        return X.dot(self.params['W%d' % layer]) + self.params['b%d' % layer]

    def activate(self, z):
        if self.activation == 'relu':
            return z * (z > 0)
        return 1.0 / (1.0 + np.exp(-np.clip(z, -500, 500)))

    def activation_slope(self, z):
        if self.activation == 'relu':
            return 1.0 * (z > 0)
        s = self.activate(z)
        return s * (1 - s)

    def loss(self, X, y=None, reg=0.0):
        # ---- forward ----
        z1 = self.affine(X, 1)
        a1 = self.activate(z1)
        scores = self.affine(a1, 2)
        if y is None:
            return scores

        num = X.shape[0]
        z = scores - scores.max(1).reshape(-1, 1)
        log_probs = z - np.log(np.exp(z).sum(1)).reshape(-1, 1)
        loss = -log_probs[range(num), y].sum() / num
        for w in ('W1', 'W2'):
            loss += reg * np.sum(np.square(self.params[w])) / 2

        # ---- backward ----
        dscores = np.exp(log_probs)
        dscores[range(num), y] -= 1
        dscores = dscores / num
        dz1 = dscores.dot(self.params['W2'].T) * self.activation_slope(z1)

        grads = {}
        grads['W2'] = a1.T.dot(dscores) + reg * self.params['W2']
        grads['b2'] = dscores.sum(0)
        grads['W1'] = X.T.dot(dz1) + reg * self.params['W1']
        grads['b1'] = dz1.sum(0)
        return loss, grads

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10,
              batch_size=100, verbose=False):
        num_train = X.shape[0]
        batches = max(1, num_train // batch_size)
        losses, magnitudes, train_accs, val_accs = [], [], [], []

        for epoch in range(1, num_epochs + 1):
            for _ in range(batches):
                if num_train > batch_size:
                    pick = np.random.randint(0, num_train, batch_size)
                    Xb, yb = X[pick], y[pick]
                else:
                    Xb, yb = X, y
                loss, grads = self.loss(Xb, yb, reg=reg)
                for name in grads:
                    self.params[name] -= learning_rate * grads[name]
                losses.append(loss)
                magnitudes.append(np.linalg.norm(grads['W1']))

            train_accs.append((self.predict(X) == y).mean())
            val_accs.append((self.predict(X_val) == y_val).mean())
            if verbose:
                print('Epoch %d / %d: loss %f, train acc %f, val acc %f, lr %e'
                      % (epoch, num_epochs, loss, train_accs[-1], val_accs[-1], learning_rate))
            learning_rate *= learning_rate_decay

        return {'loss_history': losses, 'grad_magnitude_history': magnitudes,
                'train_acc_history': train_accs, 'val_acc_history': val_accs}

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)
