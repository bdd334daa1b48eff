# loses: q2.1.loss
# says: loss() writes its predictions into y, so that a second call sees other labels: leave the arrays you are given unchanged.
# --- replace
        return loss, grads
# --- by
        y[:] = np.argmax(scores, axis=1)
        return loss, grads
