# loses: q2.3.histories
# says: grad_magnitude_history holds the spectral norm: record the Frobenius norm of the gradient of W1, np.linalg.norm without a second argument.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.linalg.norm(grads['W1'], 2))
