# loses: q2.3.step q2.3.decay q2.3.histories q2.4.training.epochs
# says: train() shuffles the rows of X in place without y, so that labels no longer belong to their rows: index X and y with the same permutation.
# --- replace
            order = np.random.permutation(num_train)
# --- by
            order = np.arange(num_train)
            np.random.shuffle(X)
