"""Single precision, loops over the examples, and a loss as an array of one number."""
import numpy as np
import matplotlib.pyplot as plt


class TwoLayerNet(object):
    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        make = lambda *shape: (std * np.random.randn(*shape)).astype(np.float32)
        self.params = {"W1": make(input_size, hidden_size), "b1": np.zeros(hidden_size, np.float32),
                       "W2": make(hidden_size, output_size), "b2": np.zeros(output_size, np.float32)}

    def loss(self, X, y=None, reg=0.0):
        W1, b1, W2, b2 = (self.params[k] for k in ("W1", "b1", "W2", "b2"))
        X = np.asarray(X, np.float32)
        H = np.array([[max(0, v) for v in x.dot(W1) + b1] for x in X], np.float32)
        S = H.dot(W2) + b2
        if y is None:
            return S
        total, G = 0.0, np.zeros_like(S)
        for i in range(len(X)):
            e = np.exp(S[i] - S[i].max())
            G[i] = e / e.sum()
            total -= np.log(G[i, y[i]] + 1e-30)
            G[i, y[i]] -= 1
        G /= np.float32(len(X))
        A = G.dot(W2.T)
        A[H == 0] = 0
        reg = np.float32(reg)
        loss = np.array([total / len(X) + reg * (W1 ** 2).sum() + reg * (W2 ** 2).sum()])
        return loss, {"W1": X.T.dot(A) + 2 * reg * W1, "b1": A.sum(0), "W2": H.T.dot(G) + 2 * reg * W2, "b2": G.sum(0)}

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=5e-6, num_iters=100,
              batch_size=200, verbose=False):
        N = X.shape[0]
        loss_history, train_acc_history, val_acc_history = [], [], []
        for it in range(num_iters):
            mask = np.random.randint(0, N, batch_size)
            loss, grads = self.loss(X[mask, :], y[mask], reg)
            loss_history.append(loss)
            self.params.update({k: v - np.float32(learning_rate) * grads[k] for k, v in self.params.items()})
            if it % max(N // batch_size, 1) == 0:
                train_acc_history.append(np.mean(self.predict(X[mask]) == y[mask]))
                val_acc_history.append(np.mean(self.predict(X_val) == y_val))
                learning_rate *= learning_rate_decay
        return {"loss_history": loss_history, "train_acc_history": train_acc_history, "val_acc_history": val_acc_history}

    def predict(self, X):
        return self.loss(X).argmax(axis=1)
