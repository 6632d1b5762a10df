"""The pages of orders: the list, one order, files, labels of many."""
