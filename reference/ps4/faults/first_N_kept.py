# loses: q2.1.loss q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2
# says: the first call was right, so loss keeps something between calls
# --- replace
        N = X.shape[0]
# --- by
        N = X.shape[0]
        if not hasattr(self, 'num_samples'):
            self.num_samples = N
# --- replace
        data_loss = -np.sum(log_probs[np.arange(N), y]) / N
# --- by
        data_loss = -np.sum(log_probs[np.arange(N), y]) / self.num_samples
# --- replace
        dscores /= N
# --- by
        dscores /= self.num_samples
