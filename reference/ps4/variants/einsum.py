# Different: every product and every sum is written with np.einsum.
import numpy as np
from numpy import einsum


class TwoLayerMLP:
    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation='sigmoid'):
        randn = np.random.randn
        self.params = dict(
            W1=std * randn(input_size, hidden_size), b1=np.zeros((hidden_size,)),
            W2=std * randn(hidden_size, output_size), b2=np.zeros((output_size,)))
        self.activation = activation

    def loss(self, X, y=None, reg=0.0):
        W1, b1, W2, b2 = [self.params[name] for name in ('W1', 'b1', 'W2', 'b2')]
        z = einsum('nd,dh->nh', X, W1, optimize=True) + b1
        if self.activation == 'relu':
            h = (z + np.abs(z)) / 2
            slope = np.heaviside(z, 0.0)
        else:
            h = 0.5 + 0.5 * np.tanh(0.5 * z)
            slope = einsum('nh,nh->nh', h, 1 - h)
        scores = einsum('nh,hc->nc', h, W2, optimize=True) + b2
        if y is None:
            return scores

        N, C = scores.shape
        target = np.zeros((N, C))
        target[np.arange(N), y] = 1.0
        s = scores - scores.max(1)[:, None]
        log_z = np.log(einsum('nc->n', np.exp(s)))
        loss = (einsum('n->', log_z) - einsum('nc,nc->', target, s)) / N
        loss += 0.5 * reg * (einsum('dh,dh->', W1, W1) + einsum('hc,hc->', W2, W2))

        delta = (np.exp(s - log_z[:, None]) - target) / N
        inner = einsum('nc,hc,nh->nh', delta, W2, slope, optimize=True)
        return loss, {
            'W1': einsum('nd,nh->dh', X, inner, optimize=True) + reg * W1,
            'b1': einsum('nh->h', inner),
            'W2': einsum('nh,nc->hc', h, delta, optimize=True) + reg * W2,
            'b2': einsum('nc->c', delta),
        }

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        N = len(X)
        per_epoch = max(N // batch_size, 1)
        losses, norms, accs, val_accs = [], [], [], []
        for epoch in range(num_epochs):
            rate = learning_rate * learning_rate_decay ** epoch
            rows = np.random.permutation(N)
            for k in range(per_epoch):
                batch = rows[k * batch_size:(k + 1) * batch_size]
                loss, grads = self.loss(X[batch], y[batch], reg=reg)
                losses.append(loss)
                norms.append(einsum('dh,dh->', grads['W1'], grads['W1']) ** 0.5)
                for name in grads:
                    self.params[name] -= rate * grads[name]
            accs.append(float(np.mean(self.predict(X) == y)))
            val_accs.append(float(np.mean(self.predict(X_val) == y_val)))
        return dict(loss_history=losses, grad_magnitude_history=norms,
                    train_acc_history=accs, val_acc_history=val_accs)

    def predict(self, X):
        return np.argmax(self.loss(X), axis=-1)
