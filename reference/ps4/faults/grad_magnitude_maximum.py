# loses: q2.3.histories
# says: grad_magnitude_history holds the largest entry: take the Frobenius norm of the gradient of W1.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.max(np.abs(grads['W1'])))
