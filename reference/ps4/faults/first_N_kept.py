# loses: q2.1.loss
# says: The number of samples is remembered from the first call: divide by the number of rows of the X of this call.
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
