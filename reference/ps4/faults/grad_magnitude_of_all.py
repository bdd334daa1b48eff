# loses: q2.3.histories
# says: grad_magnitude_history takes all parameters together: record the norm of the gradient of W1 alone.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.sqrt(sum(np.sum(g ** 2) for g in grads.values())))
