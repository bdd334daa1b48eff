# loses: q2.1.published q2.1.loss q2.1.stable
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: The softmax is normalised over the samples: sum the exponentials over the classes, axis=1.
# --- replace
        log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
# --- by
        log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=0, keepdims=True))
