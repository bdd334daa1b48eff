# loses: q2.3.histories q2.3.predict
# says: val_acc_history is
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(scores)
