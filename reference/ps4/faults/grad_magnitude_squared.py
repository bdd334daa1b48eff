# loses: q2.3.histories
# says: grad_magnitude_history holds the square: take the Frobenius norm of the gradient of W1, np.linalg.norm.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.sum(grads['W1'] ** 2))
