# loses: q2.1.published q2.1.loss q2.1.stable
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: The softmax is normalised by the sum over the whole matrix: sum the exponentials of each row, axis=1.
# --- replace
        log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
# --- by
        log_probs = shifted - np.log(np.sum(np.exp(shifted)))
