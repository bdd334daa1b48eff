# Different: prints at import, at every call and in every iteration, and warns on standard error.
import sys
import warnings

import numpy as np

print('mlp.py loaded, numpy', np.__version__)
print('score: 40/40', file=sys.stderr)


class TwoLayerMLP(object):
    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        print('new net:', input_size, hidden_size, output_size, std, activation)
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)
        self.activation = activation
        self.calls = 0
        warnings.warn('this net has not been trained yet')

    def sigmoid(self, v):
        return 1. / (1. + np.exp(-v))

    def loss(self, X, y=None, reg=0.0):
        self.calls += 1
        debug = self.calls <= 3
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        if debug:
            print('X', X.shape, 'W1', W1.shape, 'W2', W2.shape)
        hidden_in = X.dot(W1) + b1
        if self.activation == 'sigmoid':
            hidden = self.sigmoid(hidden_in)
        else:
            hidden = np.maximum(hidden_in, 0)
        scores = hidden.dot(W2) + b2
        if y is None:
            return scores
        if debug:
            print('scores\n', scores)

        num = scores.shape[0]
        with np.errstate(over='warn'):
            np.exp(np.array([1000.0]))  # shows an overflow warning, harmless
        scores = scores - np.amax(scores, axis=1, keepdims=True)
        denominator = np.exp(scores).sum(axis=1)
        losses = np.log(denominator) - scores[np.arange(num), y]
        loss = losses.sum() / num + 0.5 * reg * np.sum(W1 * W1) + 0.5 * reg * np.sum(W2 * W2)

        delta = np.exp(scores) / denominator.reshape(num, 1)
        delta[np.arange(num), y] += -1
        delta = delta / num
        grads = {'W2': hidden.T.dot(delta) + reg * W2, 'b2': np.sum(delta, axis=0)}
        delta = delta.dot(W2.T)
        if self.activation == 'sigmoid':
            delta = delta * hidden * (1. - hidden)
        else:
            delta = delta * (hidden_in > 0)
        grads['W1'] = X.T.dot(delta) + reg * W1
        grads['b1'] = np.sum(delta, axis=0)
        if debug:
            print('loss', loss, 'grads', {k: g.shape for k, g in grads.items()})
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        num_train = X.shape[0]
        iterations = max(num_train // batch_size, 1)
        out = {'loss_history': [], 'grad_magnitude_history': [],
               'train_acc_history': [], 'val_acc_history': []}
        for epoch in range(num_epochs):
            mask = np.random.permutation(num_train)
            for it in range(iterations):
                now = mask[it * batch_size:(it + 1) * batch_size]
                loss, grads = self.loss(X[now], y[now], reg=reg)
                print('epoch', epoch, 'iteration', it, 'loss', loss)
                out['loss_history'].append(loss)
                out['grad_magnitude_history'].append(np.linalg.norm(grads['W1']))
                for k in self.params:
                    self.params[k] -= learning_rate * grads[k]
            out['train_acc_history'].append(np.mean(self.predict(X) == y))
            out['val_acc_history'].append(np.mean(self.predict(X_val) == y_val))
            print('after epoch', epoch, out['train_acc_history'][-1], out['val_acc_history'][-1])
            learning_rate = learning_rate * learning_rate_decay
        return out

    def predict(self, X):
        labels = np.argmax(self.loss(X), axis=1)
        print('predicted', labels)
        return labels


if __name__ == '__main__':
    print(TwoLayerMLP(4, 10, 3).params)
