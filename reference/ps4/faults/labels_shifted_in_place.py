# loses: q2.1.loss
# says: loss() changes the labels it is given (y -= 1), so that a second call sees other labels: leave y unchanged.
# --- replace
        return loss, grads
# --- by
        y -= 1
        return loss, grads
