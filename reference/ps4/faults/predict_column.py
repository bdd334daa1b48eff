# loses: q2.3.histories
# says: val_acc_history is off by
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(scores, axis=1).reshape(-1, 1)
