# Different: the layers live in a second file, layers.py, that has to be handed in with this one.
import numpy as np

from layers import ACTIVATIONS, affine_backward, affine_forward, softmax_loss


class TwoLayerMLP:

    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        self.params = {
            'W1': std * np.random.randn(input_size, hidden_size),
            'b1': np.zeros(hidden_size),
            'W2': std * np.random.randn(hidden_size, output_size),
            'b2': np.zeros(output_size),
        }
        self.act_forward, self.act_backward = ACTIVATIONS[activation]

    def loss(self, X, y=None, reg=0.0):
        p = self.params
        a1, cache1 = affine_forward(X, p['W1'], p['b1'])
        h1, cache_act = self.act_forward(a1)
        scores, cache2 = affine_forward(h1, p['W2'], p['b2'])
        if y is None:
            return scores

        loss, dscores = softmax_loss(scores, y)
        loss += 0.5 * reg * ((p['W1'] ** 2).sum() + (p['W2'] ** 2).sum())
        dh1, dW2, db2 = affine_backward(dscores, cache2)
        da1 = self.act_backward(dh1, cache_act)
        _, dW1, db1 = affine_backward(da1, cache1)
        return loss, {'W1': dW1 + reg * p['W1'], 'b1': db1, 'W2': dW2 + reg * p['W2'], 'b2': db2}

    def train(self, X, y, X_val, y_val,
              learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        n = len(X)
        steps = max(n // batch_size, 1)
        losses, grad_norms, train_accs, val_accs = [], [], [], []
        for epoch in range(num_epochs):
            order = np.random.permutation(n)
            for step in range(steps):
                batch = order[step * batch_size:][:batch_size]
                loss, grads = self.loss(X[batch], y[batch], reg)
                losses.append(loss)
                grad_norms.append(np.linalg.norm(grads['W1']))
                for name in grads:
                    self.params[name] -= learning_rate * grads[name]
            train_accs.append((self.predict(X) == y).mean())
            val_accs.append((self.predict(X_val) == y_val).mean())
            if verbose:
                print(f'{epoch + 1}/{num_epochs}: {losses[-1]:.4f} {val_accs[-1]:.3f}')
            learning_rate *= learning_rate_decay
        return {'loss_history': losses, 'grad_magnitude_history': grad_norms,
                'train_acc_history': train_accs, 'val_acc_history': val_accs}

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)
