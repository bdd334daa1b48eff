# loses: q2.3.histories
# says: grad_magnitude_history holds the mean of absolute values: take the Frobenius norm of W1's gradient.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.mean(np.abs(grads['W1'])))
