# loses: q2.3.histories
# says: grad_magnitude_history holds the spectral norm: take the Frobenius norm, np.linalg.norm without ord.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.linalg.norm(grads['W1'], 2))
