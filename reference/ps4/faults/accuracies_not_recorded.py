# loses: q2.3.histories
# says: values, not an array of shape
# --- replace
            train_acc_history.append(train_acc)
            val_acc_history.append(val_acc)
# --- by
