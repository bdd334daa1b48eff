# loses: q2.3.batches
# says: predict takes the smallest score: take np.argmax.
# --- replace
            order = np.random.permutation(num_train)
# --- by
            order = np.arange(num_train)
            np.random.shuffle(X)
