# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.3.predict q2.4.forward.published q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2 q2.4.training.epochs
# says: agrees with the forward pass at the net
# --- replace
        N = X.shape[0]
# --- by
        N = X.shape[0]
        X -= np.mean(X, axis=0)
