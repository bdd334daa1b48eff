# loses: q2.3.histories
# says: train_acc_history is
# --- replace
            train_acc_history.append(train_acc)
            val_acc_history.append(val_acc)
# --- by
