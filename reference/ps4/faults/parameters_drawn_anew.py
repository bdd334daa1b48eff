# loses: q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.training.epochs
# says: the change of params['W
# --- replace
        for epoch in range(num_epochs):
# --- by
        for name in ('W1', 'W2'):
            self.params[name] = 0.1 * np.random.randn(*self.params[name].shape)
        for epoch in range(num_epochs):
