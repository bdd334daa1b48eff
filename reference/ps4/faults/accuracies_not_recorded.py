# loses: q2.3.histories
# says: The accuracy histories are empty: append both accuracies after each epoch.
# --- replace
            train_acc_history.append(train_acc)
            val_acc_history.append(val_acc)
# --- by
