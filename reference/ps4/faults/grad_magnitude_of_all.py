# loses: q2.3.histories
# says: grad_magnitude_history holds the norm of all gradients together: W1's alone is asked for.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.sqrt(sum(np.sum(g ** 2) for g in grads.values())))
