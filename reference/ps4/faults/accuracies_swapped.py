# loses: q2.3.histories
# says: train_acc_history and val_acc_history are swapped.
# --- replace
            train_acc_history.append(train_acc)
# --- by
            train_acc_history.append(val_acc)
# --- replace
            val_acc_history.append(val_acc)
# --- by
            val_acc_history.append(train_acc)
